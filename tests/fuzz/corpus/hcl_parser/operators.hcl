a = true ? [1] : null
b = -1 % 3 == 0 && !false || 1 <= 2
c = try(x.y, 1)
