# One repository, two environments: `ci` pushes on merge, `prod` deploys on demand.
variable "copies" {
  type    = list(string)
  default = ["file://copies/one", "file://copies/two"]
}

env "ci" {
  dev = "sqlite://dev?mode=memory"
  migration {
    dir = "file://migrations"
    repo {
      name   = "app"
      backup = var.copies
    }
  }
}

env "prod" {
  url = getenv("DATABASE_URL")
  migration {
    dir = "atlas://app" # registry first, then the copies
    repo {
      name   = "app"
      backup = var.copies
    }
  }
}
