server {
  model = "emoji"
  allowed_hosts = ["a.example", "b.example", "c.example", "d.example", "e.example", "f.example", "http://g.example", "h.example", "i.example", "j.example"]
  lisen = "[31mred"
}
model "emoji" {
  stage "dit" {
  }
}
