variable "x" {
 type = object({a = list(string)})
 default = {a = ["b"]}
}
t "a" "b" {
 for_each = toset(["x"])
 c "d" { e = 1 }
 f = c.d
 g = t.a.b
}
