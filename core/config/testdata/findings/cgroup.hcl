server {
  cgroup = "strobe"
}

model "emoji" {
  stage "dit" {
  }
}
