a = jsondecode("{\"a\": [1, 0.1]}")
b = yamldecode("a: &x [1]\nb: *x")
c = formatdate("YYYY", "2018-01-02T23:12:01Z")
d = urlqueryset("a://b", "c", "d")
