server {
  lisen = ":8091" # carriage returns
  model = "emoji"
}
model "emoji" {
  stage "dit" {
  }
}
