locals {
 a = local.b
 b = [local.a, data.x.y]
}
data "x" "y" {
}
