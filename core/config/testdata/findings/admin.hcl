server {
  tls = "on"
  admin {
  }
}

model "emoji" {
  stage "dit" {
  }
}
