a = <<-EOT
  x ${1 + 1}
    %{ if true ~} y %{ else } z %{ endif }
  EOT
b = "%{for i, x in [1]}${x}%{endfor}"
