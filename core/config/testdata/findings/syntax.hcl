server {
  listen = "127.0.0.1:8091
  model = "emoji"
}

model "emoji" {
  stage "dit"
}
