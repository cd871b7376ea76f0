# Misspelt keys and blocks, at every depth.
server {
  lisen = "127.0.0.1:8091"
  model = "emoji"
  completely_different = 1
  vhost {
  }
  profilers "chrome" {
  }
}

profile {
	max_byte = "1GiB" # after a tab
}

model "emoji" {
  replicas = 2
  stage "dit" {
    plugins = "dit"
    confg {
      device = "cpu"
    }
    config = { device = "cpu" }
  }
}

profilr "chrome" {
}

listen = ":8091"

server = {
  listen = ":8091"
}
