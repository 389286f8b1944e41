a = 'x'
b = ;
c = ÿ
