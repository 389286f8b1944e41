a = format("%5.2f %q %v %[1]d", 1, "x", [1])
b = regexall("(?P<n>a+)", "aab")
c = yamlmerge("a: 1", "b: [1]")
d = csvdecode("a,b\n1,2")
