#!/usr/bin/env bats
# Data sources of atlas.hcl and passwords that are looked up for every connection.
bats_require_minimum_version 1.5.0
load common
setup() { common_setup; }
teardown() { common_teardown; }

BASE_SECRET=base-secret-0123456789
aws() { # the services of AWS, and keys that they take
    : > tokens.log; start_tool tokens aws-tokens "$DIR/tokens.port" "$DIR/tokens.log" LABKEY lab-secret-0123456789
    export AWS_ENDPOINT_URL=http://127.0.0.1:$PORT AWS_ACCESS_KEY_ID=BASEKEY AWS_SECRET_ACCESS_KEY=$BASE_SECRET AWS_REGION=eu-west-1
    secret "$BASE_SECRET"
}
gcp() { # those of Google Cloud, and a service account
    openssl genrsa -out key.pem 2048 2> /dev/null && openssl rsa -in key.pem -pubout -out public.pem 2> /dev/null
    : > gcp.log; start_tool gcp gcp-tokens "$DIR/gcp.port" "$DIR"; GCP=http://127.0.0.1:$PORT
    jq -n --rawfile k key.pem --arg u "$GCP/token" '{type:"service_account",private_key_id:"keyid123",private_key:$k,
        client_email:"pusher@demo-lab.iam.gserviceaccount.com",token_uri:$u,universe_domain:"googleapis.com"}' > creds.json
    export GOOGLE_APPLICATION_CREDENTIALS=$DIR/creds.json
    export CLOUDSDK_API_ENDPOINT_OVERRIDES_SECRETMANAGER=$GCP/ CLOUDSDK_API_ENDPOINT_OVERRIDES_RUNTIMECONFIG=$GCP/
}
# Reads VALUE (an expression) with the data blocks of standard input; what it is goes to the file `value`, not to any output.
value() {
    { cat; printf 'data "external" "out" {\n  program = ["sh", "-c", "printf %%s \\"$1\\" > value", "sh", %s]\n}\nenv "e" {\n  done = data.external.out\n}\n' "$1"; } > atlas.hcl
    rm -f value
    run --separate-stderr atlas project show --env e
    echo "$output" "$stderr"
}
gives() { value "$1"; [ "$status" -eq 0 ]; equal "$stderr" ""; equal "$(cat value)" "$2"; } # VALUE WANT
fails() { local v=$1; shift; value "$v"; [ "$status" -eq 1 ]; equal "$output" ""; has "$stderr" "$@"; [ ! -e value ]; } # VALUE TEXT...
runtimevar() { printf 'data "runtimevar" "v" {\n  url = "%s"\n}\n' "$1"; }

@test "tenants of a query, each migrated; values of programs and variables in its URL" {
    migrations 1; sqlite3 tenants.db "create table t (name text, live int); insert into t values ('a', 1), ('b', 1), ('c', 0)"
    cat > atlas.hcl <<'H'
data "sql" "tenants" {
  url   = "sqlite://tenants.db"
  query = "select name from t where live = ? order by name"
  args  = [1]
}
data "external" "options" {
  program     = ["cat", "options"]
  working_dir = "conf"
}
data "runtimevar" "suffix" {
  url = "constant://?val=.db&decoder=string"
}
env "prod" {
  for_each = toset(data.sql.tenants.values)
  url      = "sqlite://${each.value}${data.runtimevar.suffix}?${trimspace(data.external.options)}"
  migration {
    dir = "file://migrations"
  }
}
H
    mkdir conf; echo "_fk=1" > conf/options
    run --separate-stderr atlas migrate apply --env prod
    [ "$status" -eq 0 ]; equal "$stderr" ""
    equal "$(tables a.db) $(tables b.db)" "t1 t1"; [ ! -e c.db ]
    # The actions read them too.
    run env ATLAS_INPUT_CONFIG=file://atlas.hcl ATLAS_INPUT_ENV=prod ATLAS_INPUT_DIR=file://migrations atlas-action --action migrate/apply
    echo "$output"; [ "$status" -eq 0 ]
    printf '#!/bin/sh\necho "no options today" >&2\nexit 3\n' > conf/why; chmod +x conf/why; sed -i 's/"cat", "options"/".\/why"/' atlas.hcl
    run --separate-stderr atlas migrate apply --env prod
    [ "$status" -eq 1 ]; equal "$stderr" "Error: data.external.options: no options today"
}

@test "a data source that nothing refers to is not read; those of the schema model say what is missing" {
    migrations 1
    cat > atlas.hcl <<'H'
data "external" "never" {
  program = ["touch", "was-run"]
}
data "hcl_schema" "app" {
  path = "schema.hcl"
}
env "a" {
  url = "sqlite://a.db"
}
env "b" {
  src = data.hcl_schema.app.url
}
H
    atlas migrate apply --env a; [ ! -e was-run ]
    run --separate-stderr atlas project show --env b
    [ "$status" -eq 1 ]; has "$stderr" "data.hcl_schema.app: atlas.hcl:4,6-18: hcl_schema needs the declarative engine, which this version does not have"
}

@test "an interrupted program goes, with what it started" {
    printf 'data "external" "x" {\n program = ["sh", "-c", "echo $$ > started; sleep 300; true"]\n}\nenv "e" {\n v = data.external.x\n}\n' > atlas.hcl
    "$ATLAS_BUILD/atlas" project show --env e > out 2>&1 3>&- & local pid=$!
    for _ in $(seq 500); do [ -s started ] && break; sleep 0.02; done
    kill -TERM $pid; local status=0; wait $pid || status=$?; equal $status 1
    has "$(cat out)" "data.external.x: interrupted"
    for _ in $(seq 500); do pgrep -g "$(cat started)" > /dev/null || break; sleep 0.02; done
    run ! pgrep -g "$(cat started)"
}

@test "runtimevar over http: status, our own parameters, time-out" {
    serve; runtimevar "$REGISTRY/healthz" | gives data.runtimevar.v "$(curl -s "$REGISTRY/healthz")"
    runtimevar "$REGISTRY/metrics" | fails data.runtimevar.v "data.runtimevar.v: HTTP 401 Unauthorized"
    gcp; runtimevar "$GCP/nothing?a=1&timeout=5s&decoder=string&b=2" | fails data.runtimevar.v "HTTP 404"
    equal "$(jq -r .query gcp.log)" "a=1&b=2"
    proxy 1 swallow; SECONDS=0
    runtimevar "$PROXY/x?timeout=300ms" | fails data.runtimevar.v "data.runtimevar.v: no answer within 300ms"
    [ $SECONDS -le 5 ]
}

@test "runtimevar: Parameter Store and Secrets Manager" {
    aws; secret parameter-password-1 json-password-1 binary-password-1
    runtimevar "awsparamstore:///prod/db?region=us-east-2&decoder=string" | gives data.runtimevar.v parameter-password-1
    equal "$(jq -r '[.op,.by,.region]|join(" ")' tokens.log)" "AmazonSSM.GetParameter BASEKEY us-east-2"
    runtimevar "awsparamstore://plain" | gives data.runtimevar.v plain-parameter-1
    runtimevar "awssecretsmanager://prod/db" | gives 'jsondecode(data.runtimevar.v).password' json-password-1
    equal "$(jq -r '[.op,.region]|join(" ")' tokens.log | tail -1)" "secretsmanager.GetSecretValue eu-west-1"
    runtimevar "awssecretsmanager://binary" | gives data.runtimevar.v binary-password-1
    runtimevar "awsparamstore://none" | fails data.runtimevar.v "data.runtimevar.v: " "HTTP 400: ParameterNotFound"
    runtimevar "awssecretsmanager://none" | fails data.runtimevar.v "HTTP 400: ResourceNotFoundException"
    runtimevar "awsparamstore://plain?endpoint=http://127.0.0.1:1" | fails data.runtimevar.v 'awsparamstore:// takes no query parameter "endpoint"'
    AWS_SECRET_ACCESS_KEY=wrong-secret-0123456 runtimevar awsparamstore://plain > in
    AWS_SECRET_ACCESS_KEY=wrong-secret-0123456 fails data.runtimevar.v SignatureDoesNotMatch < in
    AWS_ENDPOINT_URL=http://192.0.2.1 fails data.runtimevar.v "credentials are not sent to http://192.0.2.1" < in
    unset AWS_ACCESS_KEY_ID; fails data.runtimevar.v "no AWS credentials (environment: AWS_ACCESS_KEY_ID is not set" < in
}

@test "runtimevar: a password of a secret is in no output" {
    aws; secret json-password-1
    cat > atlas.hcl <<'H'
data "runtimevar" "db" {
  url = "awssecretsmanager://prod/db"
}
locals {
  db = jsondecode(data.runtimevar.db)
}
env "e" {
  url  = "nosuch://${local.db.username}:${urlescape(local.db.password)}@db:5432/app"
  note = local.db.password
}
H
    run atlas project show --env e; [ "$status" -eq 0 ]; lacks "$output" json-password
    migrations 1; run atlas migrate apply --env e; [ "$status" -eq 1 ]; has "$output" nosuch; lacks "$output" json-password
    RUNNER_DEBUG=1 run env ATLAS_INPUT_CONFIG=file://atlas.hcl ATLAS_INPUT_ENV=e ATLAS_INPUT_DIR=file://migrations atlas-action --action migrate/apply
    [ "$status" -eq 1 ]; lacks "$output" json-password
}

@test "runtimevar: Secret Manager and Runtime Configurator" {
    gcp; secret manager-password-1
    runtimevar "gcpsecretmanager://projects/lab/secrets/db?decoder=string" | gives data.runtimevar.v manager-password-1
    runtimevar "gcpruntimeconfig://projects/lab/configs/c/variables/db" | gives data.runtimevar.v "config value"
    runtimevar "gcpruntimeconfig://projects/lab/configs/c/variables/text" | gives data.runtimevar.v "config text"
    runtimevar "gcpsecretmanager://projects/lab/secrets/none" | fails data.runtimevar.v "data.runtimevar.v: " "HTTP 404" "not found or has no versions"
    STORAGE_EMULATOR_HOST=127.0.0.1:1; export STORAGE_EMULATOR_HOST # means stores only
    runtimevar "gcpsecretmanager://projects/lab/secrets/db" | gives data.runtimevar.v manager-password-1
    unset GOOGLE_APPLICATION_CREDENTIALS
    runtimevar "gcpsecretmanager://projects/lab/secrets/db" | fails data.runtimevar.v "no Google Cloud credentials (GOOGLE_APPLICATION_CREDENTIALS: not set; gcloud's"
    CLOUDSDK_API_ENDPOINT_OVERRIDES_SECRETMANAGER=http://192.0.2.1/ fails data.runtimevar.v "credentials are not sent to http://192.0.2.1" < <(runtimevar "gcpsecretmanager://x")
}

rds() { printf 'data "aws_rds_token" "db" {\n  endpoint = "db.c0ffee.eu-west-1.rds.amazonaws.com:5432"\n  username = "app user"\n%s\n}\n' "$1"; }
judge() { "$ATLAS_ROOT/tests/servers/aws-tokens" rds db.c0ffee.eu-west-1.rds.amazonaws.com:5432 "app user" "$@"; } # REGION KEY SECRET FILE [SESSION]

@test "aws_rds_token: the database's own computation comes to the same signature" {
    aws; value data.aws_rds_token.db < <(rds ''); [ "$status" -eq 0 ]
    secret "$(sed 's/.*X-Amz-Signature=//' value)"
    equal "$(judge eu-west-1 BASEKEY $BASE_SECRET value)" accepted
    value data.aws_rds_token.db < <(rds 'region = "us-east-2"')
    equal "$(judge us-east-2 BASEKEY $BASE_SECRET value)" accepted
    run judge eu-west-1 BASEKEY $BASE_SECRET value; [ "$status" -eq 1 ]
    mkdir -p "$HOME/.aws"; printf '[profile db]\nrole_arn = arn:aws:iam::123456789012:role/db\ncredential_source = Environment\nregion = eu-west-1\n' > "$HOME/.aws/config"
    unset AWS_REGION; value data.aws_rds_token.db < <(rds 'profile = "db"'); [ "$status" -eq 0 ]
    equal "$(judge eu-west-1 LABKEY lab-secret-0123456789 value "$(jq -r 'select(.op == "AssumeRole").issued' tokens.log)")" accepted
    rds '' | fails data.aws_rds_token.db "data.aws_rds_token.db: no AWS region is known"
    run atlas project show --env e; lacks "$output" X-Amz
}

@test "gcp_cloudsql_token: of a service account and of the metadata server" {
    gcp; printf 'data "gcp_cloudsql_token" "db" {\n}\n' > in
    judge_sql() { curl -s -H "X-Password: $(cat value)" "$GCP/sql"; }
    value data.gcp_cloudsql_token.db < in; [ "$status" -eq 0 ]; equal "$(judge_sql)" cloudsql; secret "$(cat value)"
    printf 'env "e" {\n  dsn = "postgres://u:${data.gcp_cloudsql_token.db}@h/db"\n}\n' | cat in - > atlas.hcl
    run atlas project show --env e; [ "$status" -eq 0 ]; lacks "$output" ya29
    unset GOOGLE_APPLICATION_CREDENTIALS; export GCE_METADATA_HOST=127.0.0.1:$(port_of "$GCP")
    value data.gcp_cloudsql_token.db < in; [ "$status" -eq 0 ]; equal "$(judge_sql)" cloudsql
    GCE_METADATA_HOST=127.0.0.1:1 fails data.gcp_cloudsql_token.db "data.gcp_cloudsql_token.db: no Google Cloud credentials" "metadata server" < in
}

templates() { # a directory of templates, in env ci and, as a repository, in env prod
    mkdir -p tpl/shared; echo '{{ define "table" }}CREATE TABLE {{ . }} (id integer){{ end }}' > tpl/shared/table.tmpl
    printf '{{ template "table" .main }};\n{{ range .more }}{{ template "table" . }};\n{{ end }}' > tpl/20260101000000_start.sql
    cat > atlas.hcl <<'H'
data "template_dir" "app" {
  path = "tpl"
  vars = {
    main = "users"
    more = ["pets", "toys"]
  }
}
env "ci" {
  url = "sqlite://app.db"
  migration {
    dir = data.template_dir.app.url
    repo {
      name   = "app"
      backup = ["file://copies"]
    }
  }
}
H
}

@test "template_dir: apply, status, ls, validate, push; new files and hash go to the real directory" {
    templates
    run atlas migrate apply --env ci; echo "$output"; [ "$status" -eq 0 ]; equal "$(tables app.db)" "pets toys users"
    has "$(atlas migrate status --env ci)" "Migration Status: OK"
    equal "$(atlas migrate ls --env ci)" 20260101000000_start.sql
    atlas migrate validate --env ci --dev-url 'sqlite://dev?mode=memory'; [ ! -e tpl/atlas.sum ]
    run atlas migrate push --env ci; echo "$output"; [ "$status" -eq 0 ]
    run atlas migrate apply --env ci --url sqlite://b.db --dir atlas://app; echo "$output"; [ "$status" -eq 0 ]
    equal "$(tables b.db)" "pets toys users"
    atlas migrate new more --env ci
    equal "$(ls tpl/*.sql | wc -l)" 2; has "$(cat tpl/atlas.sum)" _more.sql
    atlas migrate validate --dir file://tpl # its sum is that of the raw files
    echo '{{ template "table" "late" }};' > tpl/*_more.sql
    atlas migrate apply --env ci; equal "$(tables app.db)" "late pets toys users"
    run atlas migrate validate --dir file://tpl; [ "$status" -eq 1 ]
    atlas migrate hash --env ci; atlas migrate validate --dir file://tpl
    rm tpl/atlas.sum; atlas migrate rm --env ci; equal "$(ls tpl/*.sql)" tpl/20260101000000_start.sql
    atlas migrate validate --dir file://tpl; atlas migrate new more --env ci
    echo '{{ .nothing }}' > tpl/*_more.sql
    run --separate-stderr atlas migrate status --env ci; [ "$status" -eq 1 ]
    has "$stderr" "data.template_dir.app: template: " '_more.sql:1:3' 'map has no entry for key "nothing"'
    run --separate-stderr atlas migrate ls --dir mem://tpl/other; [ "$status" -eq 1 ]
    has "$stderr" "mem://tpl/other: there is no such directory in memory"
}

@test "remote_dir: the registry first, then the copies" {
    migrations 1; serve
    cat > atlas.hcl <<'H'
data "remote_dir" "app" {
  name = "app"
  tag  = "v1"
}
env "ci" {
  migration {
    dir = "file://migrations"
    repo {
      name   = "app"
      backup = ["file://copies"]
    }
  }
}
env "prod" {
  url = "sqlite://app.db"
  migration {
    dir = data.remote_dir.app.url
    repo {
      name   = "app"
      backup = ["file://copies"]
    }
  }
}
H
    atlas migrate push app:v1 --env ci; migrations 2; atlas migrate push app --env ci
    run --separate-stderr atlas migrate apply --env prod; echo "$output$stderr"; [ "$status" -eq 0 ]; equal "$stderr" ""
    equal "$(tables app.db)" t1
    stop_serving; rm app.db; export ATLAS_HTTP_TIMEOUT=2 ATLAS_HTTP_RETRIES=1
    run --separate-stderr atlas migrate apply --env prod; echo "$output$stderr"; [ "$status" -eq 0 ]
    equal "$(tables app.db)" t1; has "$stderr" copies
}

@test "password_from: asked anew by every command, before the database is; never shown" {
    migrations 1; secret one-time-password
    printf '#!/bin/sh\necho run >> runs\necho one-time-password-$(wc -l < runs)\n' > vault; chmod +x vault
    local url='postgres://app@127.0.0.1:1/db?sslmode=disable&password_from=command:./vault'
    for command in "apply" "status" "set 20260101000000"; do
        run atlas migrate $command --url "$url" --dir file://migrations
        echo "$output"; [ "$status" -eq 1 ]; lacks "$output" one-time-password; lacks "$output" password_from
    done
    equal "$(wc -l < runs)" 3
    run --separate-stderr atlas migrate status --url "${url/.\/vault/echo refused by policy >%262; exit 2}"
    has "$stderr" "password_from=command: the command ended with status 2: refused by policy"
    run --separate-stderr atlas migrate status --url "postgres://app@127.0.0.1:1/db?password_from=file:none"
    has "$stderr" "password_from=file:none: reading none: No such file or directory"
    run --separate-stderr atlas migrate status --url "postgres://app@127.0.0.1:1/db?password_from=hunter2hunter2"
    has "$stderr" "password_from must be file:PATH, command:TEXT"; lacks "$stderr" hunter2
    run --separate-stderr atlas migrate status --url "sqlite://app.db?password_from=command:./vault"
    has "$stderr" "the URL names no user"; equal "$(wc -l < runs)" 3; [ ! -e app.db ]
}
