#!/usr/bin/env bats
# Bad input of every kind: one line, with file, line and column where there is one; exit 1; nothing written.
bats_require_minimum_version 1.5.0
load common
setup() { common_setup; }
teardown() { common_teardown; }

bad_hcl() { # MESSAGE TEXT: that file does not load; nothing happens
    printf '%b' "$2" > atlas.hcl
    run --separate-stderr atlas migrate apply --env a --url sqlite://app.db
    [ "$status" -eq 1 ] || { echo "accepted: $2"; return 1; }
    equal "$output" "" && equal "$(grep -c '' <<< "$stderr")" 1 && has "$stderr" "Error: $1" && [ ! -e app.db ]
}
bad_dir() { # MESSAGE: migrations/ as it is
    run --separate-stderr atlas migrate apply --url sqlite://app.db
    [ "$status" -eq 1 ] || { echo "accepted"; return 1; }
    equal "$(grep -c '' <<< "$stderr")" 1 && has "$stderr" "$1"
    [ ! -e app.db ] || equal "$(tables app.db)" ""
}

@test "atlas.hcl: syntax" {
    migrations 1
    bad_hcl 'atlas.hcl:1,9-10: Unclosed configuration block; ' 'env "a" {'
    bad_hcl 'atlas.hcl:2,1-2: Argument or block definition required; ' 'env "a" {}\n}'
    bad_hcl 'atlas.hcl:1,17-18: Invalid expression; ' 'env "a" { url = }'
    bad_hcl 'atlas.hcl:2,11-3,1: Invalid multi-line string; ' 'env "a" {\n  url = "x\n}\n'
    bad_hcl 'atlas.hcl:2,9-3,1: Unterminated template string; ' 'env "a" {\n  url = <<EOT\nabc\n}\n'
    bad_hcl 'atlas.hcl:2,9-3,1: Invalid expression; ' 'env "a" {\n x = 1 +\n}\n'
    bad_hcl 'atlas.hcl:3,1-2: Missing item separator; ' 'env "a" {\n x = [1, 2\n}\n'
    bad_hcl 'atlas.hcl:3,2-3: Attribute redefined; The argument "x" was already set at atlas.hcl:2,2-3.' 'env "a" {\n x = 1\n x = 2\n}\n'
    bad_hcl 'atlas.hcl:2,19-20: Argument definition required; ' 'env "a" {\n migration { repo { name = "x" } }\n}\n'
    bad_hcl 'atlas.hcl:1,1-3: Unterminated comment; ' '/* x'
    bad_hcl 'atlas.hcl:1,21-24: Invalid single-argument block definition; ' 'env "a" { url = "a" dev = "b" }'
    bad_hcl 'atlas.hcl:1,5-6: Invalid character; Single quotes are not valid.' "env 'a' {\n}\n"
    bad_hcl 'atlas.hcl:1,1-2: Invalid character encoding; ' '\xff\xfe'
    bad_hcl 'atlas.hcl:2,24-3,1: Missing false expression in conditional; ' 'env "a" {\n  url = "${1}" == 2 ? 1\n}\n'
    local deep; deep=$(printf '(%.0s' $(seq 5000)); bad_hcl 'atlas.hcl:2,' "env \"a\" {\n  x = $deep\n}\n"
    deep=$(printf 'b {\\n%.0s' $(seq 5000)); bad_hcl 'atlas.hcl:' "$deep"
    run atlas migrate apply --env a --url sqlite://app.db -c file:///dev/null; [ "$status" -eq 1 ]; has "$output" 'env "a" not defined'
    run atlas migrate apply --env a --url sqlite://app.db -c "file://$DIR"; [ "$status" -eq 1 ]; has "$output" "Error: "
}

@test "atlas.hcl: names, types, values" {
    migrations 1
    bad_hcl 'atlas.hcl:2,9-13: Unknown variable; There is no variable named "nope".' 'env "a" {\n  url = nope\n}\n'
    bad_hcl 'atlas.hcl:2,12-14: Unsupported attribute; This object does not have an attribute named "x".' 'env "a" {\n  url = var.x\n}\n'
    bad_hcl 'atlas.hcl:2,9-13: Call to unknown function; There is no function named "nofn". Did you mean "join"?' 'env "a" {\n  url = nofn()\n}\n'
    bad_hcl 'atlas.hcl:2,9-14: Error in function call; Call to function "file" failed: ' 'env "a" {\n  url = file("nofile")\n}\n'
    bad_hcl 'atlas.hcl:3,18-27: Unknown migration.exec_order; There is no exec_order named "SOMETIMES".' 'env "a" {\n  migration {\n    exec_order = SOMETIMES\n  }\n}\n'
    bad_hcl 'atlas.hcl:5,16-19: field is of type slice but attr "backup" is type: string' 'env "a" {\n  migration {\n    repo {\n      name = "app"\n      backup = "x"\n    }\n  }\n}\n'
    bad_hcl 'atlas.hcl:2,9-10: value of attr "url" cannot be read as string: unexpected type number' 'env "a" {\n  url = 5\n}\n'
    bad_hcl 'atlas.hcl:2,10-15: Unknown variable.type; There is no type named "strin".' 'variable "x" {\n  type = strin\n}\nenv "a" {}\n'
    bad_hcl 'atlas.hcl:1,1-13: missing value for required variable "x"' 'variable "x" {\n  type = string\n}\nenv "a" {\n url = var.x\n}\n'
    bad_hcl 'atlas.hcl:3,12-15: variable "x": a number is required' 'variable "x" {\n  type = number\n default = "y"\n}\nenv "a" {\n url = var.x\n}\n'
    bad_hcl 'atlas.hcl:3,6-13: cyclic reference to "local.a"' 'locals {\n a = local.b\n b = local.a\n}\nenv "a" {\n url = local.a\n}\n'
    bad_hcl 'atlas.hcl:4,3-12: multiple "migration" blocks in "env"' 'env "a" {\n  migration {\n  }\n  migration {\n  }\n}\n'
    bad_hcl 'atlas.hcl:2,14-15: schemahcl: for_each does not support number type' 'env "a" {\n  for_each = 5\n}\n'
    bad_hcl 'atlas.hcl:1,6-12: missing data source handler for "nope"' 'data "nope" "x" {\n}\nenv "a" {\n url = data.nope.x\n}\n'
    bad_hcl 'atlas.hcl:3,20-23: value of attr "lock_timeout" is no duration such as 10s: "5"' 'env "a" {\n  migration {\n    lock_timeout = "5"\n  }\n}\n'
    bad_hcl 'atlas.cloud: atlas.hcl:3,10-11: value of attr "token" cannot be read as string: unexpected type number' 'atlas {\n cloud {\n token = 5\n }\n}\nenv "a" {\n}\n'
    bad_hcl 'atlas.hcl:2,9-14: Operation failed; Error during operation: division by zero.' 'env "a" {\n  url = 1 / 0\n}\n'
    bad_hcl 'env "a" not defined' 'env "b" {\n}\n'
    bad_hcl 'config file "atlas.hcl" was not found' '' || { rm atlas.hcl; run atlas migrate apply --env a; has "$output" 'file "atlas.hcl" was not found'; }
}

@test "atlas.hcl: repositories that cannot be" {
    migrations 1; unset ATLAS_TOKEN
    try() { # MESSAGE BACKUP
        project "$2"; run --separate-stderr atlas migrate push --env ci
        [ "$status" -eq 1 ] || { echo "accepted: $2"; return 1; }
        equal "$(grep -c '' <<< "$stderr")" 1 && has "$stderr" "$1"
    }
    try 'ftp://acme/x' ftp://acme/x; has "$stderr" 'this version has no store for ftp:// URLs'
    try 'no Google Cloud credentials (' gs://acme/x
    try 'the storage account is not known' azblob://acme/x
    try '"nope"' 'file://b1?nope=1'
    try '"regio"' 's3://b/p?regio=eu-west-1'
    try 'file store needs a directory' file://
    try 'b1' b1
    try '"0999"' 'file://b1?dir_file_mode=0999'
    [ ! -e b1 ]
    project 's3://acme/x?region=eu-west-1'; AWS_EC2_METADATA_DISABLED=true run --separate-stderr atlas migrate push --env ci
    [ "$status" -eq 1 ]; has "$stderr" "AWS_ACCESS_KEY_ID"
    cat > atlas.hcl <<'H'
env "ci" {
  migration {
    repo {
      name   = "Not A Slug"
      backup = ["file://b1"]
    }
  }
}
H
    run atlas migrate push --env ci; [ "$status" -eq 1 ]; has "$output" "slug must be lowercase alphanumeric"; [ ! -e b1 ]
}

@test "project show masks secrets" {
    cat > atlas.hcl <<'H'
variable "pw" {
  type    = string
  default = "hunter2"
}
atlas {
  cloud {
    token = "aci_very_secret"
  }
}
env "a" {
  url = "postgres://u:${var.pw}@localhost/db?sslmode=disable"
  dev = "mysql://root:hunter2@localhost/dev"
  migration {
    repo {
      name   = "app"
      url    = "oci://user:hunter2@registry.local/x"
      backup = ["s3://b/p?region=eu-west-1"]
    }
  }
}
H
    run --separate-stderr atlas project show --env a; [ "$status" -eq 0 ]; equal "$stderr" ""
    lacks "$output" hunter2; lacks "$output" aci_very_secret
    equal "$(jq -c '[.cloud.token,.envs[0].name,.envs[0].migration.repo.name,.envs[0].migration.repo.backup]' <<< "$output")" '["***","a","app",["s3://b/p?region=eu-west-1"]]'
}

@test "migration directories" {
    migrations 2
    echo '-- x' >> migrations/20260101000000_step1.sql; bad_dir "Error: checksum mismatch"; has "$output" $'\tL2: 20260101000000_step1.sql was edited'
    atlas migrate hash; mv migrations/20260102000000_step2.sql x; bad_dir "Error: checksum mismatch"; has "$output" $'\tL3: 20260102000000_step2.sql was removed'
    mv x migrations/20260102000000_step2.sql; echo 'SELECT 1;' > migrations/20260103.sql; bad_dir "Error: checksum mismatch"; has "$output" $'\tL4: 20260103.sql was added'
    rm migrations/20260103.sql migrations/atlas.sum; bad_dir "Error: checksum file not found"
    rm -r migrations; bad_dir "Error: sql/migrate: stat migrations: no such file or directory"
    echo x > migrations; bad_dir "Error: sql/migrate: migrations is not a dir"; rm migrations
    mkdir migrations; run atlas migrate apply --url sqlite://app.db; [ "$status" -eq 0 ]; has "$output" "No migration files to execute"; rm -f app.db*
    ln -s /nonexistent migrations/1.sql; bad_dir "migrations/1.sql: No such file or directory"; rm migrations/1.sql
    local url; for url in http://x mem: migrations '' 'file://migrations?format=nope' 'atlas://Bad Slug' 'atlas://app?nope=1' 'atlas://app?digest=md5:x'; do
        run --separate-stderr atlas migrate apply --url sqlite://app.db --dir "$url"
        [ "$status" -eq 1 ] && equal "$(grep -c '' <<< "$stderr")" 1; [ ! -e app.db ] || equal "$(tables app.db)" ""
    done
}

@test "atlas.sum" {
    migrations 1; cp migrations/atlas.sum good
    sum() { bad_dir "Error: $1"; [[ $output == "You have a checksum error"* ]]; cp good migrations/atlas.sum; }
    echo nope > migrations/atlas.sum; sum "checksum "
    : > migrations/atlas.sum; sum "checksum file format invalid"
    echo '1.sql abc' >> migrations/atlas.sum; sum "checksum file format invalid"
    sed -i 1d migrations/atlas.sum; sum "checksum mismatch"
    sed -i '1s/h1:./h1:!/' migrations/atlas.sum; sum "checksum mismatch"
    printf '\377\376\n' > migrations/atlas.sum; sum "checksum "
    head -c 3000000 /dev/zero > migrations/atlas.sum; sum "checksum "
    rm migrations/atlas.sum; mkdir migrations/atlas.sum; run atlas migrate validate; [ "$status" -eq 1 ]
}

@test "statements and directives" {
    mkdir migrations
    file() { printf '%b' "$2" > migrations/1.sql; atlas migrate hash; bad_dir "$1"; rm -f app.db*; }
    file 'Error: 1.sql:1:8: sql/migrate: scanning statements: unclosed '"'('" 'SELECT (1;\n'
    file 'Error: 1.sql:1:9: sql/migrate: scanning statements: unexpected '"')'" 'SELECT 1);'
    file 'Error: 1.sql:3:8: ' "SELECT 1;\n\nSELECT 'abc"
    file 'Error: 1.sql:2:1: ' 'SELECT 1;\n\0SELECT 2;'
    file 'txmode' '-- atlas:txmode sometimes\n\nSELECT 1;\n'
    file 'delimiter' '-- atlas:delimiter \nSELECT 1;\n'
    file 'syntax error' '\xff\xfe'
    printf -- '-- atlas:txmode none\n\nSELECT 1;\n' > migrations/1.sql; atlas migrate hash
    run --separate-stderr atlas migrate apply --tx-mode all --url sqlite://app.db; [ "$status" -eq 1 ]
    has "$stderr" 'cannot set txmode directive to "none" in "1.sql" when txmode "all" is set globally'
    printf -- '-- atlas:txtar\n\n-- checks.sql --\nSELECT 0;\n\n-- migration.sql --\nCREATE TABLE t (x int);\n' > migrations/1.sql; atlas migrate hash
    run --separate-stderr atlas migrate apply --url sqlite://app.db; [ "$status" -eq 1 ]
    has "$stderr" '1 of 1 assertions failed: check assertion "SELECT 0;" returned false'; equal "$(tables app.db)" ""
}

evil_tar() { # CODE: python that fills tarfile t
    python3 - "$1" <<'P'
import io, sys, tarfile
out = io.BytesIO(); t = tarfile.open(fileobj=out, mode='w', format=tarfile.USTAR_FORMAT)
def f(name, data=b'SELECT 1;', **more):
    i = tarfile.TarInfo(name); i.size = len(data)
    for k, v in more.items(): setattr(i, k, v)
    t.addfile(i, io.BytesIO(data))
exec(sys.argv[1]); t.close(); open('evil.tar', 'wb').write(out.getvalue())
P
}

@test "archives from a store" {
    migrations 1; project file://b1; atlas migrate push --env ci > /dev/null
    refused() { # CODE: a proper repository with that archive in it
        evil_tar "$1"; local d size; d=$(sha256sum < evil.tar | cut -d' ' -f1) size=$(stat -c %s evil.tar)
        rm -rf b2; cp -r b1 b2; cp evil.tar "b2/app/blobs/sha256/$d"
        jq -cS ".manifest.digest = \"sha256:$d\" | .manifest.size = $size" b1/app/refs/tags/latest | tr -d '\n' > b2/app/refs/tags/latest
        project file://b2
        run --separate-stderr atlas migrate apply --env prod
        [ "$status" -eq 1 ] || { echo "accepted: $1"; return 1; }
        equal "$(grep -c '' <<< "$stderr")" 1; has "$stderr" "Error: " "$2"; [ ! -e app.db ] || equal "$(tables app.db)" ""
    }
    refused "f('../../escaped.sql')" 'escaped.sql'
    refused "f('/abs.sql')" 'abs.sql'
    refused "f('a/b.sql')" 'b.sql'
    refused "f('1.sql'); f('1.sql')" '1.sql'
    refused "f('1.sql', b'', type=tarfile.SYMTYPE, linkname='/etc/passwd')" '1.sql'
    refused "f('1.sql', b'', type=tarfile.LNKTYPE, linkname='2.sql')" '1.sql'
    refused "f('1.sql', b'', type=tarfile.CHRTYPE)" '1.sql'
    refused "f('1.sql')" 'checksum'
    refused "[f('%d.sql' % i, b'') for i in range(10002)]" '10'
    head -c 5000 /dev/urandom > /dev/null
    equal "$(find . -name 'escaped.sql' -o -name 'abs.sql')" ""; [ ! -e /abs.sql ]; [ ! -e ../../escaped.sql ]
}

@test "refs and manifests from a store" {
    migrations 1; project file://b1; atlas migrate push --env ci > /dev/null; cp -r b1 good
    ref() { # TEXT or jq filter with =
        rm -rf b1; cp -r good b1
        case $1 in '='*) jq -c "${1#=}" good/app/refs/tags/latest > b1/app/refs/tags/latest ;; *) printf '%b' "$1" > b1/app/refs/tags/latest ;; esac
        run --separate-stderr atlas migrate apply --env prod
        [ "$status" -eq 1 ] || { echo "accepted: $1"; return 1; }
        has "$stderr" file://b1; [ ! -e app.db ] || equal "$(tables app.db)" ""
        run atlas registry verify --env ci; [ "$status" -eq 1 ]; has "$output" damaged
    }
    ref ''; ref '{'; ref '[]'; ref 'null'; ref '\xff\xfe'; ref '{"layout":1}'; ref '{"layout":1,"seq":1,"seq":2}'
    ref '=.seq = 9007199254740994'; ref '=.seq = -1'; ref '=.seq = "1"'; ref '=.manifest.digest = "sha256:xyz"'; ref '=.manifest.digest = "../../../etc/passwd"'
    ref '=.manifest.size = 1'; ref '=.manifest = null'
    head -c 2000000 /dev/zero | tr '\0' ' ' > b1/app/refs/tags/latest; run atlas migrate apply --env prod; [ "$status" -eq 1 ]
}

@test "JSON and XML answers of servers" {
    migrations 1; cloud garbage; export ATLAS_HTTP_RETRIES=1
    run --separate-stderr atlas migrate push app; [ "$status" -eq 1 ]; equal "$(grep -c '' <<< "$stderr")" 1; has "$stderr" "decoding response"
    mkdir web; python3 - > web.port 2>/dev/null 3>&- <<'P' &
import http.server, sys
bodies = [b'<Error><Code>Oops', b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "b">]><Error><Code>&a;</Code></Error>', b'{"not":"xml"}', b'\xff\xfe<x/>', b'']
class H(http.server.BaseHTTPRequestHandler):
    n = 0
    def go(self):
        n = int(self.headers.get('Content-Length') or 0); self.rfile.read(n)
        H.n += 1; b = bodies[H.n % len(bodies)]
        self.send_response(403); self.send_header('Content-Type', 'application/xml'); self.send_header('Content-Length', str(len(b))); self.end_headers()
        if self.command != 'HEAD': self.wfile.write(b)
    do_GET = do_PUT = do_HEAD = do_POST = go
    def log_message(self, *a): pass
s = http.server.ThreadingHTTPServer(('127.0.0.1', 0), H); print(s.server_port, flush=True); s.serve_forever()
P
    echo $! > web.pid
    local n; for n in $(seq 100); do [ -s web.port ] && break; sleep 0.02; done
    use_rgw; unset ATLAS_TOKEN; project "s3://b/p?endpoint=http://127.0.0.1:$(cat web.port)"
    for n in 1 2 3 4 5; do
        run --separate-stderr atlas migrate push --env ci; [ "$status" -eq 1 ]; equal "$(grep -c '' <<< "$stderr")" 1; has "$stderr" 403 || has "$stderr" "Error: "
    done
}

@test "the files of the examples, as they stand" {
    migrations 1
    cat > atlas.hcl <<'H'
locals {
  copies = ["s3://acme-schema-copies/shop/migrations?region=eu-west-1", "gs://acme-schema-copies/shop/migrations"]
}

env "ci" {
  dev = "postgres://postgres:pass@localhost:5432/dev?search_path=public&sslmode=disable"
  migration {
    dir = "file://migrations"
    repo {
      name   = "shop"
      backup = local.copies
    }
  }
}

env "prod" {
  url = getenv("DATABASE_URL")
  migration {
    dir = "atlas://shop"        # registry first, then the copies
    repo {
      name   = "shop"
      backup = local.copies
    }
  }
}
H
    use_rgw; export AWS_ENDPOINT_URL=$RGW_URL DATABASE_URL=sqlite://shop.db
    "$ATLAS_ROOT/tests/support/s3" PUT "$RGW_URL/acme-schema-copies" || true
    serve
    run --separate-stderr atlas migrate push shop:v7 --env ci --format '{{ json . }}'
    [ "$status" -eq 0 ]; equal "$stderr" ""
    equal "$(jq -c '[.Slug,.URL,(.Backups|map(.URL)),(.Backups|map(has("Error")))]' <<< "$output")" '["shop","atlas://shop?tag=v7",["s3://acme-schema-copies/shop/migrations?region=eu-west-1","gs://acme-schema-copies/shop/migrations"],[false,true]]'
    has "$output" "no Google Cloud credentials ("
    atlas migrate push --env ci > /dev/null 2>&1; stop_serving; export ATLAS_HTTP_RETRIES=1
    run --separate-stderr atlas migrate apply --env prod; [ "$status" -eq 0 ]; equal "$(tables shop.db)" t1; has "$stderr" "s3://acme-schema-copies/shop/migrations" serves
    cat > atlas.hcl <<'H'
env "ci" {
  dev = getenv("DEV_DATABASE_URL")
  schema {
    src = "file://schema.hcl"
    repo {
      name   = "shop-schema"
      backup = ["s3://acme-schema-copies/shop/schema?region=eu-west-1"]
    }
  }
}

env "prod" {
  url = getenv("DATABASE_URL")
  dev = getenv("DEV_DATABASE_URL")
  schema {
    src = "atlas://shop-schema"
    repo {
      name   = "shop-schema"
      backup = ["s3://acme-schema-copies/shop/schema?region=eu-west-1"]
    }
  }
}
H
    run --separate-stderr atlas project show --env prod; [ "$status" -eq 0 ]; equal "$(jq -c '[.envs[0].schema.repo.name,.envs[0].url]' <<< "$output")" '["shop-schema","sqlite://shop.db"]'
    run --separate-stderr atlas schema push --env ci; [ "$status" -eq 1 ]; has "$stderr" "schema"
}
