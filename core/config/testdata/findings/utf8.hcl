server {
  model = "ÿ"
}
