#!/usr/bin/env bats
# Migration files: rm, edit, rebase, import, and directories and databases of other tools.
bats_require_minimum_version 1.5.0
load common
setup() { common_setup; }
teardown() { common_teardown; }

@test "rm deletes the last or the given file and writes the sum" {
    migrations 3
    atlas migrate rm
    equal "$(atlas migrate ls --short | tr '\n' ' ')" "20260101000000 20260102000000 "
    atlas migrate rm 20260101000000_step1.sql
    equal "$(ls migrations | tr '\n' ' ')" "20260102000000_step2.sql atlas.sum "
    atlas migrate validate
    run atlas migrate rm 5; equal "$status" 1; has "$output" 'no migration file or version "5"'
    echo "-- x" >> migrations/20260102000000_step2.sql
    run atlas migrate rm; equal "$status" 1; has "$output" "checksum mismatch" "L2: 20260102000000_step2.sql was edited"
    [ -e migrations/20260102000000_step2.sql ]
}

@test "edit opens the file and writes the sum" {
    migrations 2
    EDITOR='sed -i s/t2/u2/' atlas migrate edit 20260102000000
    has "$(cat migrations/20260102000000_step2.sql)" "CREATE TABLE u2"
    atlas migrate validate
    run env EDITOR=false atlas migrate edit 20260102000000; equal "$status" 1; has "$output" 'the editor "false" failed'
    run atlas migrate edit; equal "$status" 1; has "$output" "a version or file is required"
}

@test "rebase gives files new versions behind all others, in their order, also after a merge left the sum in conflict" {
    migrations 3
    printf '<<<<<<< ours\n' >> migrations/atlas.sum
    atlas migrate rebase 20260102000000_step2.sql 20260101000000
    atlas migrate validate
    run atlas migrate ls
    equal "${lines[0]}" 20260103000000_step3.sql
    [[ ${lines[1]} == 20*_step1.sql && ${lines[2]} == 20*_step2.sql && ${lines[1]} > 20260103000000_step3.sql ]]
    run atlas migrate rebase nope; equal "$status" 1; has "$output" 'no migration file or version "nope"'
}

@test "rebase behind a version that lies in the future counts on from it" {
    mkdir migrations; for v in 20260101000000_a 29991231235959_b; do echo "SELECT 1;" > migrations/$v.sql; done
    atlas migrate hash
    atlas migrate rebase 20260101000000
    equal "$(ls migrations | tr '\n' ' ')" "29991231235959_b.sql 30000101000000_a.sql atlas.sum "
}

@test "golang-migrate: read directly, rebased with its way down, imported" {
    mkdir up; echo 'CREATE TABLE a (x int);' > up/000001_first.up.sql; echo 'DROP TABLE a;' > up/000001_first.down.sql
    printf 'CREATE TABLE b (x int);\nINSERT INTO b VALUES (1);' > up/000002_second.up.sql; echo 'DROP TABLE b;' > up/000002_second.down.sql
    atlas migrate hash --dir 'file://up?format=golang-migrate'
    atlas migrate apply --dir 'file://up?format=golang-migrate' --url sqlite://app.db > apply.log
    equal "$(tables app.db)" "a b"
    atlas migrate import --from 'file://up?format=golang-migrate' --to file://ours
    equal "$(ls ours | tr '\n' ' ')" "000001_first.sql 000002_second.sql atlas.sum "
    equal "$(cat ours/000002_second.sql)" "$(printf 'CREATE TABLE b (x int);\nINSERT INTO b VALUES (1);')"
    atlas migrate status --dir file://ours --url sqlite://app.db --format '{{ .Status }}' | grep -x OK
    atlas migrate rebase 000001 --dir 'file://up?format=golang-migrate'
    ls up | grep -xE '20[0-9]{12}_first\.(up|down)\.sql' | wc -l | grep -x 2
    run atlas migrate import --from 'file://up?format=golang-migrate' --to file://ours; equal "$status" 1; has "$output" "ours must be empty"
    run atlas migrate import --from file://up --to file://other; equal "$status" 1; has "$output" "already in atlas format"
}

@test "goose: NO TRANSACTION is heeded, blocks of statements survive the import" {
    mkdir goose
    printf -- '-- +goose Up\n-- a trigger\n-- +goose StatementBegin\nCREATE TRIGGER tr AFTER INSERT ON a BEGIN\n  UPDATE a SET x = 1;\n  DELETE FROM a;\nEND;\n-- +goose StatementEnd\n\n-- +goose Down\nDROP TRIGGER tr;\n' > goose/2_trigger.sql
    printf -- '-- +goose Up\nCREATE TABLE a (x int);\n-- +goose Down\nDROP TABLE a;\n' > goose/1_a.sql
    printf -- '-- +goose NO TRANSACTION\n-- +goose Up\nVACUUM;\n' > goose/3_vacuum.sql
    atlas migrate hash --dir 'file://goose?format=goose'
    atlas migrate apply --dir 'file://goose?format=goose' --url sqlite://app.db > apply.log
    run atlas migrate apply --dir 'file://goose?format=goose' --url sqlite://all.db --tx-mode all
    equal "$status" 1; has "$output" 'cannot set txmode directive to "none" in "3_vacuum.sql" when txmode "all" is set globally'
    atlas migrate import --from 'file://goose?format=goose' --to file://ours
    has "$(cat ours/3_vacuum.sql)" "-- atlas:txmode none"
    atlas migrate apply --dir file://ours --url sqlite://ours.db > apply.log
    equal "$(sqlite3 ours.db "select count(*) from sqlite_master where type = 'trigger'")" 1
    has "$(head -1 ours/2_trigger.sql)" "-- atlas:delimiter"
}

@test "dbmate: transaction:false is heeded; flyway: repeatables become versions; liquibase: comments of changesets stay" {
    mkdir dbmate flyway liquibase
    printf -- '-- migrate:up transaction:false\nVACUUM;\n-- migrate:down\n' > dbmate/1_v.sql
    atlas migrate hash --dir 'file://dbmate?format=dbmate'
    atlas migrate apply --dir 'file://dbmate?format=dbmate' --url sqlite://d.db > apply.log
    echo 'CREATE VIEW v AS SELECT 1;' > flyway/R__view.sql; echo 'CREATE TABLE t (x int);' > flyway/V1__t.sql; echo 'DROP TABLE t;' > flyway/U1__t.sql
    atlas migrate import --from 'file://flyway?format=flyway' --to file://f
    equal "$(ls f | tr '\n' ' ')" "1R_view.sql 1_t.sql atlas.sum "
    printf -- '--liquibase formatted sql\n\n--changeset me:1\n--comment: a table\nCREATE TABLE l (x int);\n--rollback DROP TABLE l;\n' > liquibase/1_l.sql
    atlas migrate import --from 'file://liquibase?format=liquibase' --to file://l
    has "$(cat l/1_l.sql)" "--changeset me:1" "CREATE TABLE l (x int);"
    mkdir empty; run atlas migrate import --from 'file://empty?format=goose' --to file://e; equal "$status" 0; has "$output" "No migration files to import"
}

left_by() { # TOOL: a database as that tool leaves it at version 2 of migrations/
    rm -f app.db; sqlite3 app.db 'create table t1 (id int); create table t2 (id int)'
    case $1 in
    golang-migrate) sqlite3 app.db "create table schema_migrations (version bigint not null primary key, dirty boolean not null); insert into schema_migrations values (20260102000000, ${2:-0})" ;;
    goose) sqlite3 app.db "create table goose_db_version (id integer primary key autoincrement, version_id integer not null, is_applied integer not null, tstamp timestamp default (datetime('now'))); insert into goose_db_version (version_id, is_applied) values (0, 1), (20260101000000, 1), (20260102000000, 1), (20260103000000, 1), (20260103000000, 0)" ;;
    dbmate) sqlite3 app.db "create table schema_migrations (version varchar(128) primary key); insert into schema_migrations values ('20260101000000'), ('20260102000000')" ;;
    esac
}

@test "databases left by golang-migrate, goose and dbmate tell their baseline" {
    migrations 3
    for tool in golang-migrate goose dbmate; do
        left_by $tool
        run env ATLAS_ACTION=migrate/apply ATLAS_INPUT_URL=sqlite://app.db atlas-action
        equal "$status" 1; has "$output" "$tool left it at version 20260102000000: run once with --baseline 20260102000000"
        atlas migrate apply --url sqlite://app.db --baseline auto > apply.log
        equal "$(sqlite3 app.db "select group_concat(version || ':' || type, ' ') from atlas_schema_revisions")" "20260102000000:1 20260103000000:2"
    done
    left_by golang-migrate 1
    run atlas migrate apply --url sqlite://app.db --baseline auto; equal "$status" 1; has "$output" "golang-migrate left the database dirty at version 20260102000000"
    rm app.db; run atlas migrate apply --url sqlite://app.db --baseline auto; equal "$status" 1; has "$output" "no table of golang-migrate, goose or dbmate"
}

applied() { sqlite3 "$1" "select group_concat(version || ':' || applied || '/' || total, ' ') from (select * from atlas_schema_revisions order by rowid)"; }

@test "goose: texts with ; at a line's end stay as they are, comments behind ;, pragmas in small letters, byte order marks" {
    mkdir goose
    printf -- "-- +goose Up\nCREATE TABLE a (x int, y text); -- first\nINSERT INTO a VALUES (1, 'multi\nline;\ntext');\nINSERT INTO a VALUES (2, 'b');\n-- +goose Down\nDROP TABLE a;\n" > goose/1_a.sql
    printf '\xef\xbb\xbf-- +goose up\r\nCREATE TABLE b (x int);\r\n-- +goose down\r\nDROP TABLE b;\r\n' > goose/2_b.sql
    atlas migrate hash --dir 'file://goose?format=goose'
    atlas migrate import --from 'file://goose?format=goose' --to file://ours
    for dir in 'goose?format=goose' ours; do
        rm -f app.db; atlas migrate apply --dir "file://$dir" --url sqlite://app.db > apply.log
        equal "$(sqlite3 app.db "select quote(y) from a where x = 1")" "$(printf "'multi\nline;\ntext'")"
        equal "$(applied app.db)" "1:3/3 2:1/1"; equal "$(tables app.db)" "a b"
    done
    lacks "$(cat ours/*.sql)" ATLAS_DELIM
}

@test "golang-migrate and dbmate: triggers are one statement, read directly and imported" {
    mkdir up dbmate
    echo 'CREATE TABLE a (x int); CREATE TRIGGER tr AFTER INSERT ON a BEGIN UPDATE a SET x = 1; DELETE FROM a; END; CREATE TABLE b (x int);' > up/1_a.up.sql
    { echo '-- migrate:up'; cat up/1_a.up.sql; echo '-- migrate:down'; } > dbmate/1_a.sql
    for f in up:golang-migrate dbmate:dbmate; do
        d="file://${f%:*}?format=${f#*:}"; atlas migrate hash --dir "$d"
        atlas migrate import --from "$d" --to "file://from-${f%:*}"
        for dir in "$d" "file://from-${f%:*}"; do
            rm -f app.db; atlas migrate apply --dir "$dir" --url sqlite://app.db > apply.log
            equal "$(applied app.db)" "1:3/3"
        done
    done
    printf "INSERT INTO a VALUES ('it\\\\'s; 1');\nCREATE TABLE c (x int);\n" > up/2_mysql.up.sql
    atlas migrate hash --dir "file://up?format=golang-migrate"; rm -r from-up
    atlas migrate import --from "file://up?format=golang-migrate" --to file://from-up
    has "$(cat from-up/2_mysql.sql)" "INSERT INTO a VALUES ('it\\'s; 1');" "CREATE TABLE c (x int);"
}

@test "flyway: versions are numbers, repeatables do not hold up later versions, and imports keep the order" {
    mkdir fly; D='file://fly?format=flyway'
    for v in 1 1.1 2 9; do echo "CREATE TABLE t${v/./_} (x int);" > "fly/V${v}__t.sql"; done
    echo 'CREATE VIEW v1 AS SELECT 1;' > fly/R__a.sql; echo 'CREATE VIEW v2 AS SELECT 1;' > fly/R__b.sql
    atlas migrate hash --dir "$D"; run atlas migrate apply --dir "$D" --url sqlite://app.db; equal "${lines[0]}" "Migrating to version 9 (6 migrations in total):"
    run atlas migrate apply --dir "$D" --url sqlite://app.db; equal "$output" "No migration files to execute"
    echo 'CREATE TABLE t10 (x int);' > fly/V10__t.sql; atlas migrate hash --dir "$D"
    equal "$(atlas migrate status --dir "$D" --url sqlite://app.db --format '{{ .Current }} {{ .Next }} {{ .Status }} {{ len .Pending }}')" "9 10 PENDING 1"
    atlas migrate apply --dir "$D" --url sqlite://app.db --format '{{ .Message }}' | grep -x 'Migrated to version 10 from 9 (1 migrations in total)'
    run atlas migrate set 2 --dir "$D" --url sqlite://app.db; has "$output" "Current version is 2 (2 removed):" "- 9 (t)" "- 10 (t)"
    run atlas migrate set 10 --dir "$D" --url sqlite://app.db; has "$output" "(2 set):"
    echo 'CREATE TABLE late (x int);' > fly/V3__late.sql; atlas migrate hash --dir "$D"
    run atlas migrate apply --dir "$D" --url sqlite://app.db; equal "$status" 1; has "$output" "V3__late.sql was added out of order"
    rm fly/V3__late.sql; atlas migrate hash --dir "$D"; atlas migrate import --from "$D" --to file://ours
    equal "$(atlas migrate ls --dir file://ours | tr '\n' ' ')" "01.0_t.sql 01.1_t.sql 02.0_t.sql 09.0_t.sql 10.0R_a.sql 10.0Ra_b.sql 10.0_t.sql "
    atlas migrate apply --dir file://ours --url sqlite://ours.db > apply.log
    equal "$(tables ours.db)" "t1 t10 t1_1 t2 t9"
}

@test "liquibase: a last line --rollback is no statement" {
    mkdir lb; printf -- '--liquibase formatted sql\n\n--changeset me:1\nCREATE TABLE l (x int);\n--rollback DROP TABLE l;' > lb/1_l.sql
    atlas migrate hash --dir 'file://lb?format=liquibase'
    atlas migrate apply --dir 'file://lb?format=liquibase' --url sqlite://app.db > apply.log
    equal "$(applied app.db)" "1:1/1"
}

@test "new: two files of one second have two versions; a name with a line break is refused" {
    for i in 1 2 3; do atlas migrate new "step$i"; done
    equal "$(atlas migrate ls --short | sort -u | wc -l)" 3
    touch $'migrations/9_line\nbreak.sql'
    run atlas migrate hash; equal "$status" 1; has "$output" 'the name "9_line\nbreak.sql" has a line break'
}

@test "a byte order mark hides no directive" {
    mkdir migrations; printf '\xef\xbb\xbf-- atlas:txmode none\n\nCREATE TABLE a (x int);\nVACUUM;\n' > migrations/1.sql
    atlas migrate hash; atlas migrate apply --url sqlite://app.db > apply.log
    equal "$(tables app.db)" a
}

@test "a directory whose own tool would run it in another order is a warning" {
    mkdir g; for v in 1 2 10; do printf -- '-- +goose Up\nSELECT %s;\n' $v > g/${v}_x.sql; done
    atlas migrate hash --dir 'file://g?format=goose'
    run --separate-stderr atlas migrate apply --dir 'file://g?format=goose' --url sqlite://app.db; equal "$status" 0
    has "$stderr" "10_x.sql runs before 1_x.sql here, as names are sorted, but goose sorts by number" || has "$stderr" "10_x.sql runs before 2_x.sql here"
}
