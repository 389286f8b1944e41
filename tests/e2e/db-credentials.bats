#!/usr/bin/env bats
# Passwords that live for one connection, against real servers.
bats_require_minimum_version 1.5.0
load common
setup_file() {
    . "$ATLAS_ROOT/tests/servers/lib.sh"
    export PG_DIR=$BATS_FILE_TMPDIR/postgres PG_PORT; PG_PORT=$(free_port); mkdir -p "$PG_DIR"; chmod 755 "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR" "$PG_DIR"
    "$ATLAS_ROOT/tests/servers/postgres" install && "$ATLAS_ROOT/tests/servers/postgres" start "$PG_DIR" "$PG_PORT"
    export MY_DIR=$BATS_FILE_TMPDIR/mariadb MY_PORT; MY_PORT=$(free_port)
    "$ATLAS_ROOT/tests/servers/mariadb" install && "$ATLAS_ROOT/tests/servers/mariadb" start "$MY_DIR" "$MY_PORT"
}
teardown_file() { "$ATLAS_ROOT/tests/servers/postgres" stop "$PG_DIR"; "$ATLAS_ROOT/tests/servers/mariadb" stop "$MY_DIR"; }
setup() { common_setup; secret labpw; migrations 1; db="db$BATS_TEST_NUMBER"; admin postgres "create role app$db login"; admin postgres "create database $db owner app$db"; }
teardown() { common_teardown; }
admin() { PGPASSWORD=labpw psql -qAt -h 127.0.0.1 -p "$PG_PORT" -U postgres -d "$1" -c "$2"; }

vault() { # a command that gives the role a password and takes the last one away, as a vault does
    cat > vault <<S
#!/bin/sh
pw="one time: \$(od -An -N8 -tx1 /dev/urandom | tr -d ' \n')@/?#%"
echo "\$pw" >> issued
PGPASSWORD=labpw psql -q -h 127.0.0.1 -p $PG_PORT -U postgres -c "alter role app$db password '\$pw'" && echo "\$pw"
S
    chmod +x vault
}

@test "password_from: a command's new password for every connection" {
    vault; local url="postgres://app$db@127.0.0.1:$PG_PORT/$db?sslmode=disable&search_path=public&password_from=command:./vault"
    sed -i 's/integer primary key/integer generated always as identity/' migrations/*.sql; atlas migrate hash
    run --separate-stderr atlas migrate apply --url "$url" --dir file://migrations
    echo "$output$stderr"; [ "$status" -eq 0 ]; equal "$stderr" ""
    run atlas migrate status --url "$url" --dir file://migrations; has "$output" "Migration Status: OK"
    [ "$(wc -l < issued)" -ge 2 ]; equal "$(sort -u issued | wc -l)" "$(wc -l < issued)"
    while read -r pw; do secret "$pw"; done < issued
    # The same in atlas.hcl, and of a file.
    tail -1 issued > pw.txt
    printf 'env "e" {\n  url = "postgres://app%s@127.0.0.1:%s/%s?sslmode=disable&search_path=public&password_from=${urlescape("file:pw.txt")}"\n}\n' "$db" "$PG_PORT" "$db" > atlas.hcl
    run atlas migrate status --env e; echo "$output"; has "$output" "Migration Status: OK"
    echo wrong-password > pw.txt; secret wrong-password
    run atlas migrate status --env e; [ "$status" -eq 1 ]; has "$output" "password authentication failed"; lacks "$output" wrong-password
}

@test "data sources of rows that PostgreSQL types: bool, int, float, text" {
    local row="url = \"postgres://postgres:labpw@127.0.0.1:$PG_PORT/postgres?sslmode=disable\""
    for case in "true:[true]" "7::int8:[7]" "2.5::float8:[2.5]" "'x'::varchar:[\"x\"]" "1.25::numeric:[1.25]"; do
        printf 'data "sql" "d" {\n  %s\n  query = "select %s where $1 = 1 and $2 = %s"\n  args = [1, "y"]\n}\nenv "e" {\n  v = data.sql.d.values\n}\n' "$row" "${case%:*}" "'y'" > atlas.hcl
        run --separate-stderr atlas project show --env e; echo "$output$stderr"; [ "$status" -eq 0 ]
        equal "$(jq -c '.envs[0].v' <<< "$output")" "${case##*:}"
    done
}

@test "MariaDB: a command's new password for every connection, and its rows" {
    local my="mariadb --no-defaults -uroot --socket=$MY_DIR/s.sock"
    $my -e "create database own; create user own@'%'; grant all on own.* to own@'%'"
    printf '#!/bin/sh\npw="one-time-$(od -An -N8 -tx1 /dev/urandom | tr -d " \\n")@/?#%%"\necho "$pw" >> issued\n%s -e "alter user own@'"'%%'"' identified by '"'\$pw'"'" && echo "$pw"\n' "$my" > vault; chmod +x vault
    sed -i 's/integer primary key/integer auto_increment primary key/' migrations/*.sql; atlas migrate hash
    local url="mysql://own@127.0.0.1:$MY_PORT/own?password_from=command:./vault"
    run --separate-stderr atlas migrate apply --url "$url" --dir file://migrations
    echo "$output$stderr"; [ "$status" -eq 0 ]; equal "$stderr" ""
    run atlas migrate status --url "$url" --dir file://migrations; has "$output" "Migration Status: OK"
    [ "$(wc -l < issued)" -ge 2 ]; equal "$(sort -u issued | wc -l)" "$(wc -l < issued)"
    while read -r pw; do secret "$pw"; done < issued
    for case in "7:[7]" "2.5:[2.5]" "'x':[\"x\"]" "database():[\"lab\"]"; do
        printf 'data "sql" "d" {\n  url = "mysql://lab:labpw@127.0.0.1:%s/lab"\n  query = "select %s where ? = 1 and ? = %s"\n  args = [1, "y"]\n}\nenv "e" {\n  v = data.sql.d.values\n}\n' "$MY_PORT" "${case%:*}" "'y'" > atlas.hcl
        run --separate-stderr atlas project show --env e; echo "$output$stderr"; [ "$status" -eq 0 ]
        equal "$(jq -c '.envs[0].v' <<< "$output")" "${case##*:}"
    done
}

@test "targets at the same time: each asks for its own password" {
    printf '#!/bin/sh\necho $1 >> asked\nsed -n "s/^$1 //p" pairs\n' > vault; chmod +x vault
    sed -i 's/integer primary key/integer generated always as identity/' migrations/*.sql; atlas migrate hash
    for n in 1 2 3; do
        admin postgres "create role tenant$n login password 'tenant-password-$n'"; admin postgres "create database tenant$n owner tenant$n"
        echo "tenant$n tenant-password-$n" >> pairs; secret "tenant-password-$n"
    done
    cat > atlas.hcl <<H
env "e" {
  for_each = toset(["tenant1", "tenant2", "tenant3"])
  url = "postgres://\${each.value}@127.0.0.1:$PG_PORT/\${each.value}?sslmode=disable&search_path=public&password_from=\${urlescape("command:./vault \${each.value}")}"
}
H
    run --separate-stderr atlas migrate apply --env e --concurrent 3 --dir file://migrations
    echo "$output$stderr"; [ "$status" -eq 0 ]; equal "$stderr" ""
    equal "$(sort -u asked | tr '\n' ' ')" "tenant1 tenant2 tenant3 "
    for n in 1 2 3; do equal "$(admin tenant$n "select count(*) from t1")" 1; done
}
