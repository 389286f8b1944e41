#!/usr/bin/env bats
# MariaDB of Debian, a server of this file's own: migrations, transactions, locks, cancel, TLS, and a server that dies.
bats_require_minimum_version 1.5.0
load common

setup_file() {
    . "$ATLAS_ROOT/tests/servers/lib.sh"
    cd "$BATS_FILE_TMPDIR" || return 1
    "$ATLAS_ROOT/tests/servers/mariadb" install
    authority ca localhost
    mkdir tls && cp localhost.crt tls/server.crt && cp localhost.key tls/server.key && cp ca.crt tls/
    export MARIA=$BATS_FILE_TMPDIR/maria; MARIA_PORT=$(free_port); export MARIA_PORT
    "$ATLAS_ROOT/tests/servers/mariadb" start "$MARIA" "$MARIA_PORT" "$PWD/tls"
}
teardown_file() { "$ATLAS_ROOT/tests/servers/mariadb" stop "$MARIA"; }

setup() {
    common_setup
    secret labpw
    DB=app_$BATS_TEST_NUMBER; SERVER=mariadb://lab:labpw@127.0.0.1:$MARIA_PORT; URL=$SERVER/$DB
    ask "" "drop database if exists $DB; create database $DB"
}
teardown() { common_teardown; }

ask() { mariadb --no-defaults -uroot --socket="$MARIA/s.sock" -N -B "$1" -e "$2"; } # DATABASE SQL
sql() { ask "$DB" "$1"; }
file() { mkdir -p migrations; cat > "migrations/$1.sql"; atlas migrate hash; } # NAME, content on stdin
apply() { atlas migrate apply --url "$URL" "$@"; }
rows() { sql 'select version, applied, total from atlas_schema_revisions order by version'; }
until_sql() { # SQL: has a row
    local n=200
    until [ -n "$(ask "" "$1")" ]; do n=$((n - 1)); [ $n -gt 0 ] || { echo "never: $1"; return 1; }; sleep 0.05; done
}
running() { until_sql "select 1 from information_schema.processlist where info like '$1%'"; } # SQL that a session runs

fails() { local status=0; wait "$1" || status=$?; equal $status 1; } # PID of a child

@test "the contract of database drivers" {
    mariadb --no-defaults -uroot --socket="$MARIA/s.sock" -e 'drop database if exists scratch; create database scratch'
    for which in test_db test_db_mysql; do
        run -0 env ATLAS_TEST_MARIADB="$SERVER/scratch" "$ATLAS_BUILD/tests/contract/$which" mariadb # its output tells what failed
    done
}

@test "apply runs everything a file may hold, in each transaction mode" {
    file 1_start <<'S'
CREATE TABLE pets (id int PRIMARY KEY AUTO_INCREMENT, name varchar(20) DEFAULT 'it''s; -- "x"') COMMENT 'a;b'; -- trailing
INSERT INTO pets (name) VALUES ('a\'b;c'), ("d"); # one
DELIMITER //
CREATE PROCEDURE fill(n int)
BEGIN
  DECLARE i int DEFAULT 0;
  WHILE i < n DO
    INSERT INTO pets (name) VALUES (CONCAT('p', i)); -- inside
    SET i = i + 1;
  END WHILE;
  SELECT COUNT(*) FROM pets;
  SELECT 'two' AS x;
END//
CREATE TRIGGER upper_names BEFORE INSERT ON pets FOR EACH ROW BEGIN SET NEW.name = UPPER(NEW.name); END//
DELIMITER ;
CALL fill(3);
SELECT * FROM pets;
SET @seen = (SELECT COUNT(*) FROM pets);
CREATE VIEW loud AS SELECT name FROM pets WHERE name = UPPER(name)
S
    file 2_more <<< "INSERT INTO pets (name) VALUES ('é') -- no semicolon"
    for mode in file all none; do
        ask "" "drop database $DB; create database $DB"
        run -0 apply --tx-mode $mode
        equal "$(sql 'select group_concat(name order by id) from pets')" "a'b;c,d,P0,P1,P2,É"
        equal "$(rows)" $'1\t8\t8\n2\t1\t1'
        equal "$(sql 'select count(*) from loud')" 6 # its collation knows no case
        equal "$(sql 'select distinct executed_at > now() - interval 60 second and execution_time > 0 from atlas_schema_revisions')" 1
        run -0 apply --tx-mode $mode
        has "$output" "No migration files to execute"
    done
}

@test "a file that fails leaves what the server committed, its row says so, and a mended file goes on there" {
    file 1_mixed <<'S'
CREATE TABLE a (id int PRIMARY KEY);
INSERT INTO a VALUES (1);
CREATE TABLE b (id int);
INSERT INTO a VALUES (2);
INSERT INTO a VALUES (2);
CREATE TABLE c (id int);
S
    for mode in file none; do
        ask "" "drop database $DB; create database $DB"
        run -1 apply --tx-mode $mode
        has "$output" "Error 1062 (23000): Duplicate entry '2' for key 'PRIMARY'" 'executing statement "INSERT INTO a VALUES (2);" from version "1"'
        [ $mode = file ] && kept=3 || kept=4
        equal "$(rows)" "1	$kept	6"
        equal "$(sql 'select group_concat(id) from a')" "$([ $mode = file ] && echo 1 || echo 1,2)"
        has "$(sql 'select error_stmt from atlas_schema_revisions')" 'INSERT INTO a VALUES (2);'
        sql 'alter table a drop primary key'
        run -0 apply --tx-mode $mode
        equal "$(rows)" $'1\t6\t6'
        equal "$(sql 'select group_concat(id order by id) from a')" 1,2,2
    done
}

@test "a file of data alone is undone as a whole" {
    sql 'create table a (id int primary key)'
    file 1_data <<< $'INSERT INTO a VALUES (1);\nINSERT INTO a VALUES (1);'
    run -1 apply --allow-dirty
    equal "$(rows)" ""
    equal "$(sql 'select count(*) from a')" 0
}

@test "errors end with the statement, as if it had been sent alone" {
    file 1_bad <<< $'CREATE TABLE a (id int);\nCREAT TABLE b (id int);\nCREATE TABLE c (id int);'
    run -1 apply
    has "$output" "right syntax to use near 'CREAT TABLE b (id int)' at line 1"
    lacks "$output" 'near '"'"'CREAT TABLE b (id int);'
}

@test "BEGIN and COMMIT are refused in a transaction of ours, and done with txmode none" {
    file 1_own <<< $'CREATE TABLE a (id int);\nSTART TRANSACTION;\nINSERT INTO a VALUES (1);\nCOMMIT;'
    run -1 apply
    has "$output" "the statement controls the transaction its file runs in"
    ask "" "drop database $DB; create database $DB"
    file 1_own <<< $'-- atlas:txmode none\n\nCREATE TABLE a (id int);\nSTART TRANSACTION;\nINSERT INTO a VALUES (1);\nCOMMIT;'
    file 2_open <<< $'-- atlas:txmode none\n\nBEGIN;\nINSERT INTO a VALUES (2);'
    run -1 apply
    has "$output" "the file leaves a transaction open"
    equal "$(sql 'select group_concat(id) from a')" 1
}

@test "statements may change the session: USE, SET NAMES, sql_mode, autocommit, LOCK TABLES" {
    file 1_dump <<'S'
-- atlas:txmode none

CREATE TABLE a (x varchar(9));
SET sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES';
SET NAMES latin1;
SET autocommit = 0;
START TRANSACTION;
LOCK TABLES a WRITE;
INSERT INTO a VALUES ('1');
UNLOCK TABLES;
COMMIT;
USE mysql;
S
    file 2_more <<< "INSERT INTO $DB.a VALUES ('it''s');"
    run -0 apply
    equal "$(rows)" $'1\t10\t10\n2\t1\t1'
    equal "$(sql 'select count(*) from a')" 2
}

@test "the revisions are in the schema of the URL, in one of their own, or where the flag says" {
    file 1_one <<< "CREATE TABLE IF NOT EXISTS $DB.a (id int);"
    run -0 atlas migrate apply --url "$SERVER" --revisions-schema "${DB}_rev" --allow-dirty
    equal "$(ask "${DB}_rev" 'select version from atlas_schema_revisions')" 1
    run -1 atlas migrate apply --url "$SERVER"
    has "$output" "connected database is not clean: found multiple schemas"
    run -0 atlas migrate apply --url "$SERVER" --allow-dirty
    equal "$(ask atlas_schema_revisions 'select version from atlas_schema_revisions')" 1
    run -1 apply
    has "$output" "atlas_schema_revisions"
    ask "" "drop database atlas_schema_revisions; drop database ${DB}_rev"
}

@test "the lock names its holder, and two applies at once both end well" {
    file 1_slow <<< $'SELECT SLEEP(1);\nCREATE TABLE a (id int);'
    apply > first.log 2>&1 3>&- & first=$!
    running 'SELECT SLEEP'
    run -1 apply --lock-timeout 50ms
    has "$output" 'acquiring database lock: "atlas_migrate_execute" is held by connection ' ' of lab@127.0.0.1:' 'in its current command for'
    apply > second.log 2>&1 3>&- & second=$!
    wait $first; wait $second
    has "$(< second.log)" "No migration files to execute"
    equal "$(rows)" $'1\t2\t2'
}

@test "SIGINT ends a running statement, and what was done is recorded" {
    file 1_slow <<< $'CREATE TABLE a (id int);\nINSERT INTO a VALUES (1);\nSELECT SLEEP(60);\nINSERT INTO a VALUES (2);'
    for mode in none file; do
        ask "" "drop database $DB; create database $DB"
        apply --tx-mode $mode > out.log 2>&1 3>&- & pid=$!
        running 'SELECT SLEEP'
        kill -INT "$(pgrep -P $pid -f 'migrate apply' || echo $pid)"
        fails $pid
        has "$(< out.log)" interrupted
        equal "$(rows)" "1	$([ $mode = none ] && echo 2 || echo 1)	4"
        equal "$(ask "" "select count(*) from information_schema.processlist where info like 'SELECT SLEEP%'")" 0
    done
}

@test "a client that is killed leaves no lock behind, and the statement in flight is looked up" {
    file 1_slow <<< $'CREATE TABLE a (id int);\nCREATE TABLE b AS SELECT SLEEP(1) AS x;\nCREATE TABLE c (id int);'
    apply > out.log 2>&1 3>&- & pid=$!
    running 'CREATE TABLE b'
    kill -9 "$(pgrep -P $pid -f 'migrate apply' || echo $pid)"
    run -0 apply
    equal "$(rows)" $'1\t3\t3'
    equal "$(sql 'select count(*) from b')" 1
}

@test "a server that dies is an error at once, and the next run goes on" {
    file 1_slow <<< $'CREATE TABLE a (id int);\nINSERT INTO a VALUES (1);\nINSERT INTO a SELECT SLEEP(2);\nINSERT INTO a VALUES (3);'
    apply > out.log 2>&1 3>&- & pid=$!
    running 'INSERT INTO a SELECT'
    kill -9 "$(< "$MARIA/pid")"
    fails $pid
    has "$(< out.log)" "Error 2013 (HY000): Lost connection to server during query"
    run -1 apply
    has "$output" "Can't connect to server on '127.0.0.1'"
    "$ATLAS_ROOT/tests/servers/mariadb" start "$MARIA" "$MARIA_PORT" "$BATS_FILE_TMPDIR/tls"
    run -0 apply
    equal "$(rows)" $'1\t4\t4'
    equal "$(sql 'select group_concat(id order by id) from a')" 0,1,3
}

@test "a statement that is larger than the server takes is an error that is recorded" {
    { echo 'CREATE TABLE a (t longtext);'; printf "INSERT INTO a VALUES ('"; head -c 17000000 /dev/zero | tr '\0' x; echo "');"; } | file 1_one
    run -1 --separate-stderr apply
    has "${output: -600}" "the server takes 16777216 (max_allowed_packet)"; lacks "${stderr: -600}" Warning; lacks "${stderr:0:200}" Warning
    equal "$(rows)" $'1\t1\t2'
    equal "$(sql "select length(error_stmt), error like 'a statement of%' from atlas_schema_revisions")" $'65536\t1'
}

@test "USE ends with its file, and a run that goes on inside the file repeats it" {
    ask "" "drop database if exists ${DB}_other; create database ${DB}_other"
    file 1_one <<< "USE ${DB}_other; CREATE TABLE one (id int); SELECT nothing; CREATE TABLE two (id int);"
    file 2_two <<< 'CREATE TABLE three (id int);'
    run -1 apply
    has "$output" "Unknown column 'nothing'"
    sed -i 's/nothing/1/' migrations/1_one.sql; atlas migrate hash
    run -0 apply
    equal "$(rows)" $'1\t4\t4\n2\t1\t1'
    equal "$(ask "" "select group_concat(table_schema, '.', table_name order by table_name) from information_schema.tables where table_schema like '$DB%' and table_name not like 'atlas%'")" "${DB}_other.one,$DB.three,${DB}_other.two"
    ask "" "drop database ${DB}_other"
}

@test "passwords: refused ones are an error without the password, special characters are decoded" {
    secret wr0ng-s3cret
    file 1_one <<< 'CREATE TABLE a (id int);'
    run -1 atlas migrate apply --url "mariadb://lab:wr0ng-s3cret@127.0.0.1:$MARIA_PORT/$DB"
    has "$output" "Error 1045 (28000): Access denied for user 'lab'@"
    lacks "$output" wr0ng
    run -1 atlas migrate apply --url "mariadb://lab:wr0ng-s3cret%zz@127.0.0.1:$MARIA_PORT/$DB"
    lacks "$output" wr0ng
    ask "" "create or replace user odd@'%' identified by 'p@ss/w:rd?#'; grant all on *.* to odd@'%'"
    secret 'p@ss/w:rd?#'
    run -0 atlas migrate apply --url "maria://odd:p%40ss%2Fw%3Ard%3F%23@127.0.0.1:$MARIA_PORT/$DB"
    run -0 atlas migrate status --url "mariadb+unix://root@$MARIA/s.sock?database=$DB"
    has "$output" "Migration Status: OK"
}

@test "TLS: verified, unverified, preferred, and refused" {
    file 1_one <<< 'CREATE TABLE a AS SELECT variable_value AS cipher FROM information_schema.session_status WHERE variable_name = "Ssl_cipher";'
    local at=mariadb://lab:labpw@localhost:$MARIA_PORT/$DB ca=$BATS_FILE_TMPDIR/ca.crt
    run -0 atlas migrate apply --url "$at?tls=true&ssl-ca=$ca"
    has "$(sql 'select cipher from a')" _
    run -1 atlas migrate status --url "$at?tls=true"
    has "$output" "TLS/SSL error"
    run -1 atlas migrate status --url "mariadb://lab:labpw@127.0.0.1:$MARIA_PORT/$DB?tls=true&ssl-ca=$ca" # a name that is not its own
    has "$output" "TLS/SSL error"
    run -0 atlas migrate status --url "$at?tls=skip-verify"
    run -0 atlas migrate status --url "$at?tls=preferred"
    run -1 atlas migrate status --url "$at?tls=often"
    has "$output" "parameter tls of the database URL must be true, skip-verify, preferred or false"
}

@test "unknown keys of the URL are session variables, limits are settings" {
    file 1_slow <<< 'SELECT SLEEP(30);'
    run -1 atlas migrate apply --url "$URL?max_statement_time=0.2"
    has "$output" "Error 1969 (70100): Query execution was interrupted (max_statement_time exceeded)"
    run -1 atlas migrate status --url "$URL?no_such_variable=1"
    has "$output" "Error 1193 (HY000): Unknown system variable 'no_such_variable'"
    run -0 atlas migrate status --url "$URL?parseTime=true&loc=UTC&sql_mode=%27ANSI%27&timeout=5s"
}

@test "10,000 revisions are read at once" {
    file 1_one <<< 'CREATE TABLE IF NOT EXISTS a (id int);'
    run -0 apply
    sql 'insert into atlas_schema_revisions select concat(2000000 + seq), "", 2, 1, 1, now(), 1, "", "", "h", "null", "" from seq_1_to_10000'
    run -0 atlas migrate status --url "$URL" --format '{{ len .Applied }}'
    equal "$output" 10001
}

@test "reports have the URL as the Go driver has it" {
    file 1 <<< 'SELECT 1;'
    run atlas migrate status --url "$URL?timeout=3s" --format '{{ .Env.URL.RawQuery }} {{ .Env.URL.Schema }}'
    equal "$output" "parseTime=true&timeout=3s $DB"
}
