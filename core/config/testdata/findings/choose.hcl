# several models and none chosen; a budget that is too small
profile {
  max_bytes = "16MiB"
}

model "a" {
  stage "dit" {
  }
}

model "b" {
  stage "dit" {
  }
}
