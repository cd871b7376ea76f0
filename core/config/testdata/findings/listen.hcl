server {
  tls {
    cert = ""
    keys = "server.key"
  }
  tls {
  }
  admin "x" {
    listen = "unix://admin.sock"
  }
  limits {
    connections      = 0
    header_timeout   = "1ms"
    max_header       = "1KiB"
    starts_per_hour  = 3
    body_timeout     = 30
  }
}

model "emoji" {
  stage "dit" {
  }
}
