server {
  model = "emoji"
