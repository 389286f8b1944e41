#!/usr/bin/env bats
# `migrate test` and the actions migrate/test and migrate/set.
bats_require_minimum_version 1.5.0
load common
setup() { common_setup; export ATLAS_DEV='sqlite://dev?mode=memory'; }
teardown() { common_teardown; }
tests() { atlas migrate test --dev-url "$ATLAS_DEV" "$@"; }

good() {
    cat > app.test.hcl <<'H'
variable "limit" {
  type    = number
  default = 2
}
test "migrate" "steps" {
  migrate {
    to = "20260101000000"
  }
  exec {
    sql    = "select count(*) from t1"
    output = "1"
  }
  catch {
    sql   = "select * from t2"
    error = "no such table: \\w2"
  }
  log {
    message = "now the rest, at most ${var.limit}"
  }
  migrate {}
  assert {
    sql = "select count(*) <= ${var.limit} from t2"
  }
  exec {
    sql    = "insert into t2 (name) values ('a,b'); select id, name from t2 order by id"
    format = csv
    output = <<CSV
id,name
1,it's; 2
2,"a,b"
CSV
  }
  exec {
    sql    = "select id, name from t2 where id = 2"
    format = table
    output = <<TAB
 id | name
----+------
 2  | a,b
TAB
  }
  exec {
    sql   = "select name from t2 where id = 1"
    match = "^it's; \\d$"
  }
}
test "migrate" "each" {
  for_each = toset(["t1", "t2"])
  migrate {}
  exec {
    sql    = "select count(*) from ${each.value}"
    output = "1"
  }
}
test "migrate" "later" {
  skip = "not yet"
  exec {
    sql = "nonsense"
  }
}
H
}

@test "every command works, each case starts empty, for_each and skip" {
    migrations 2; good
    run --separate-stderr tests
    echo "$output"; echo "$stderr"
    equal "$status" 0; equal "$stderr" ""
    [[ ${lines[0]} == "-- PASS: steps ("* ]]
    equal "${lines[1]}" "    ./app.test.hcl:17: now the rest, at most 2"
    [[ ${lines[2]} == "-- PASS: each ("* && ${lines[3]} == "-- PASS: each ("* ]]
    [[ ${lines[4]} == "-- SKIP: later ("* ]]
    equal "${lines[5]}" "    not yet"
    equal "${lines[6]}" PASS
    run tests --run '^ea' --var limit=1 app.test.hcl; equal "$status" 0; equal "${#lines[@]}" 3
    run --separate-stderr tests --run steps --var limit=0; equal "$status" 1
    has "$stderr" 'app.test.hcl:21: assert: "select count(*) <= 0 from t2" returned false' "FAIL" "Error: 1 of 1 tests failed"
}

@test "failures say where, what was wanted and what came; the others still run" {
    migrations 1
    cat > bad.test.hcl <<'H'
test "migrate" "output" {
  exec {
    sql    = "select 1"
    output = "2"
  }
}
test "migrate" "match" {
  exec {
    sql   = "select 'abc'"
    match = "^b"
  }
}
test "migrate" "catch" {
  catch {
    sql = "select 1"
  }
}
test "migrate" "wrong error" {
  catch {
    sql   = "select * from nowhere"
    error = "syntax"
  }
}
test "migrate" "message" {
  assert {
    sql           = "select false"
    error_message = "it is not so"
  }
}
test "migrate" "statement" {
  exec {
    sql = "bad sql"
  }
}
test "migrate" "version" {
  migrate {
    to = "7"
  }
}
test "migrate" "command" {
  asert {
    sql = "select true"
  }
}
test "migrate" "good" {
  exec {
    sql    = "select 1"
    output = "1"
  }
}
H
    run --separate-stderr tests bad.test.hcl --junit out/none.xml
    equal "$status" 1; has "$stderr" "writing the JUnit report"
    run --separate-stderr tests bad.test.hcl --junit out.xml
    equal "$status" 1
    has "$stderr" "bad.test.hcl:2: exec: the output differs" "want: 2" "got:  1" 'bad.test.hcl:8: exec: the output does not match "^b"' \
        "bad.test.hcl:14: catch: the statement was expected to fail" 'bad.test.hcl:19: catch: the error does not match "syntax"' "no such table: nowhere" \
        "bad.test.hcl:25: assert: it is not so" 'bad.test.hcl:31: exec: near "bad": syntax error' 'bad.test.hcl:36: migrate: ' '"7"' \
        'unknown test command "asert"' "-- PASS: good" "Error: 8 of 9 tests failed"
    equal "$(grep -c '<failure>' out.xml)" 8
    has "$(cat out.xml)" '<testsuite name="migrate" tests="9" failures="8" errors="0" skipped="0"' '<testcase name="good" classname="bad.test.hcl"'
    python3 -c "import xml.dom.minidom as m; m.parse('out.xml')"
}

@test "the configuration names files, variables and the dev database" {
    migrations 2; good; mkdir cases; mv app.test.hcl cases/
    cat > atlas.hcl <<'H'
env "ci" {
  dev = "sqlite://dev?mode=memory"
  test {
    migrate {
      src  = ["cases"]
      vars = { limit = 0 }
    }
  }
}
H
    run atlas migrate test --env ci; equal "$status" 1; has "$output" "<= 0 from t2"
    run atlas migrate test --env ci --var limit=3; equal "$status" 0
    run atlas migrate test --dev-url "$ATLAS_DEV"; equal "$status" 1; has "$output" "no test files"
    run atlas migrate test cases; equal "$status" 1; has "$output" 'required flag(s) "dev-url" not set'
    sqlite3 used.db 'create table mine (x)'
    run atlas migrate test cases --dev-url sqlite://used.db; equal "$status" 1; has "$output" "connected database is not clean"
    equal "$(sqlite3 used.db .tables)" mine
}

@test "actions migrate/test and migrate/set" {
    migrations 2; good
    run env ATLAS_ACTION=migrate/test ATLAS_INPUT_DEV_URL="$ATLAS_DEV" ATLAS_INPUT_PATHS=app.test.hcl ATLAS_INPUT_JUNIT=j.xml atlas-action
    equal "$status" 0; has "$output" '`atlas migrate test` completed successfully, no issues found' "-- PASS: steps"; [ -s j.xml ]
    run env ATLAS_ACTION=migrate/test ATLAS_INPUT_DEV_URL="$ATLAS_DEV" 'ATLAS_INPUT_VARS={"limit":0}' atlas-action
    equal "$status" 1; has "$output" '`atlas migrate test` completed with errors:' "-- FAIL: steps"
    run env ATLAS_ACTION=migrate/set ATLAS_INPUT_URL=sqlite://app.db ATLAS_INPUT_VERSION=20260101000000 atlas-action
    equal "$status" 0; has "$output" "Current version is 20260101000000 (1 set):" "  + 20260101000000 (step1)"
    export GITHUB_ACTIONS=true GITHUB_OUTPUT=$DIR/out GITHUB_REPOSITORY=o/r GITHUB_SHA=c; : > out
    run env INPUT_URL=sqlite://app.db INPUT_VERSION=9 atlas-action --action migrate/set
    equal "$status" 1; has "$(cat out)" "error<<" '"9" not found'
}

@test "cleanup runs after a failure too, and an unknown argument fails its test" {
    migrations 1
    cat > app.test.hcl <<'H'
test "migrate" "cleaned" {
  cleanup {
    sql = "attach 'mark.db' as mark; create table mark.done (x int); detach mark"
  }
  exec {
    sql = "garbage"
  }
}
test "migrate" "misspelt" {
  exec {
    sql     = "select 1"
    outputt = "2"
  }
}
H
    run tests; equal "$status" 1
    has "$output" 'app.test.hcl:5: exec: near "garbage"' 'app.test.hcl:12,15-18: exec: unknown argument "outputt"' "2 of 2 tests failed"
    equal "$(tables mark.db)" done
}

@test "JUnit is XML whatever the texts hold" {
    migrations 1
    printf 'test "migrate" "n \\u0001 <&>\\"" {\n  log {\n    message = "\\u001b \\uFFFE"\n  }\n  exec {\n    sql    = "select cast(x%sfffe%s as text)"\n    output = "1"\n  }\n}\n' "'" "'" > app.test.hcl
    run tests --junit out.xml; equal "$status" 1
    /usr/bin/python3 -c 'import sys, xml.dom.minidom; print(xml.dom.minidom.parse("out.xml").getElementsByTagName("testcase")[0].getAttribute("name"))' | grep -xF 'n ? <&>"'
}

@test "test files have data sources" {
    migrations 1; sqlite3 data.db "create table n (x); insert into n values ('a'), ('b')"
    cat > app.test.hcl <<'H'
data "sql" "n" {
  url   = "sqlite://data.db"
  query = "select x from n"
}
test "migrate" "each" {
  for_each = toset(data.sql.n.values)
  exec {
    sql    = "select '${each.value}'"
    output = each.value
  }
}
H
    run tests; equal "$status" 0; equal "$(grep -c PASS:\ each <<< "$output")" 2
}
