a = [for k, v in {x = 1}: "${k}=${v}" if v > 0]
b = {for x in ["a"]: x => upper(x)...}
c = [{a = [1]}][*].a[0]
d = [{a=1}].*.a
