server {
  model = "a"
}

profile {
  max_bytes = "16MiB"
}

model "a" {
  stage "dit" {
    replicas = 20
  }
}
