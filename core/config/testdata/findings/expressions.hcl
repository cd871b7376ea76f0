# Only literals are values.
server {
  model           = emoji
  listen          = "127.0.0.1:${port}"
  queue           = 8 * 8
  request_timeout = "${timeout}"
  max_body        = upper("32mib")
  allowed_hosts   = [for h in ["a"] : h]
}

model "emoji" {
  stage "dit" {
    config {
      big      = 99999999999999999999
      huge     = 1e999
      steps    = -var.steps
      list     = [1, two, { a = three.b }]
      ternary  = true ? 1 : 2
      template = "%{ if true }x%{ endif }"
      object = {
        (key) = 1
        a     = 1
        "a"   = 2
      }
      a "label" {
      }
      list {
      }
    }
  }
}
