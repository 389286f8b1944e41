locals {
  copies = ["s3://a/b?region=eu", "gs://c"]
}
env "ci" {
  dev = "postgres://u:p@localhost:5432/dev?sslmode=disable"
  migration {
    dir = "file://migrations"
    repo {
      name   = "shop"
      backup = local.copies
    }
  }
}
