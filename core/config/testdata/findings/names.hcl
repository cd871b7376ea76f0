# Names and labels.
server "main" {
  model = "emoji"
}

model {
  stage {
  }
}

model "a" "b" {
  stage "dit" {
  }
}

model "../up" {
  stage "a/b" {
    plugin = "dit"
  }
}

model "org/emoji" {
  stage "-x" {
    plugin = "dit"
  }
}

profiler "" {
}

model "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" {
  stage "dit" {
  }
}
