#!/usr/bin/env bats
# Networks and disks that misbehave: clear errors, no half objects, no secrets in any output.
bats_require_minimum_version 1.5.0
load common
setup() { common_setup; export ATLAS_HTTP_TIMEOUT=4 ATLAS_HTTP_RETRIES=3; : > all-output; }
teardown() {
    common_teardown
    umount "$DIR/full" 2>/dev/null || true
    [ ! -d "$DIR/readonly" ] || chmod -R u+w "$DIR/readonly"
}

note() { run --separate-stderr "$@"; printf '%s\n%s\n' "$output" "$stderr" >> all-output; }
no_secrets() { ! grep -nE 'labsecretkey|testing_secret|aci_test_token|hunter2|X-Amz-Signature=[0-9a-f]{8}|Signature=[0-9a-f]{8}' all-output; }
one_line() { equal "$(grep -c . <<< "$stderr")" 1; }
s3() { AWS_ACCESS_KEY_ID=$RGW_KEY AWS_SECRET_ACCESS_KEY=$RGW_SECRET "$ATLAS_ROOT/tests/support/s3" "$@"; }
through() { echo "s3://lab/f$BATS_TEST_NUMBER-$RANDOM?endpoint=$PROXY"; } # a fresh prefix behind the proxy

@test "S3 refused: the other copy takes it, one warning names the store" {
    migrations 1; use_rgw; project "s3://lab/x?endpoint=http://127.0.0.1:1" file://b1
    note atlas migrate push --env ci
    [ "$status" -eq 0 ]; one_line; has "$stderr" "Warning: backup s3://lab/x?endpoint=http://127.0.0.1:1 could not be written"
    note atlas migrate apply --env prod; [ "$status" -eq 0 ]; equal "$(tables app.db)" t1
    project "s3://lab/x?endpoint=http://127.0.0.1:1"; rm app.db
    note atlas migrate push --env ci; [ "$status" -eq 1 ]; one_line; has "$stderr" "127.0.0.1:1"
    note atlas migrate apply --env prod; [ "$status" -eq 1 ]; [ ! -e app.db ] || equal "$(tables app.db)" ""
    no_secrets
}

@test "S3 reset after N bytes: pushed whole or not at all, never damaged" {
    migrations 3; use_rgw; local n at url
    for n in 1 100 400 900 2500; do
        proxy "$(port_of "$RGW_URL")" reset $n; url=$(through); project "$url" file://b1
        note atlas migrate push --env ci; [ "$status" -eq 0 ]; has "$stderr" "could not be written" || [ -z "$stderr" ]
        proxy "$(port_of "$RGW_URL")" upreset $n; at=${url%%\?*}; project "$at?endpoint=$PROXY" file://b1
        note atlas migrate push --env ci; [ "$status" -eq 0 ]
        project "$at?endpoint=$RGW_URL"
        note atlas registry verify --env ci; lacks "$output" damaged
        note atlas registry sync --env ci; note atlas migrate push --env ci; [ "$status" -eq 0 ]
        note atlas registry verify --env ci; [ "$status" -eq 0 ]
    done
    no_secrets
}

@test "registry reset after N bytes: the backups serve" {
    migrations 2; serve; project file://b1; local url=$REGISTRY n; atlas migrate push --env ci > /dev/null
    for n in 1 60 200 1000; do
        proxy "$(port_of "$url")" reset $n; ATLAS_CLOUD_URL=$PROXY/query; rm -f app.db
        note atlas migrate apply --env prod; [ "$status" -eq 0 ]; equal "$(tables app.db)" "t1 t2"; has "$stderr" "file://b1 serves"
    done
    no_secrets
}

@test "silence ends within the time-out" {
    migrations 1; use_rgw; proxy 1 swallow; export ATLAS_HTTP_TIMEOUT=2; project "$(through)" file://b1
    SECONDS=0; note atlas migrate push --env ci; [ "$status" -eq 0 ]; [ $SECONDS -le 6 ]; has "$stderr" "could not be written"
    ATLAS_CLOUD_URL=$PROXY/query ATLAS_TOKEN=aci_test_token
    export ATLAS_CLOUD_URL ATLAS_TOKEN; project file://b1
    SECONDS=0; note atlas migrate apply --env prod; [ "$status" -eq 0 ]; [ $SECONDS -le 6 ]; has "$stderr" "$PROXY/query failed" "file://b1 serves"
    project; SECONDS=0; note atlas migrate push --env ci; [ "$status" -eq 1 ]; [ $SECONDS -le 6 ]; one_line
    no_secrets
}

@test "503 twice, then well: nobody notices" {
    migrations 1; use_rgw; proxy "$(port_of "$RGW_URL")" answer503 2; project "$(through)"
    note atlas migrate push --env ci; echo "$stderr"; [ "$status" -eq 0 ]; equal "$stderr" ""
    serve; local url=$REGISTRY; project; proxy "$(port_of "$url")" answer503 2; export ATLAS_CLOUD_URL=$PROXY/query
    note atlas migrate push --env ci; [ "$status" -eq 0 ]; equal "$stderr" ""
    note atlas migrate apply --env prod; [ "$status" -eq 0 ]
    proxy "$(port_of "$url")" answer503 50; export ATLAS_CLOUD_URL=$PROXY/query
    note atlas migrate push --env ci; [ "$status" -eq 1 ]; one_line; has "$stderr" 503
    no_secrets
}

@test "latency only makes it slow" {
    migrations 1; use_rgw; proxy "$(port_of "$RGW_URL")" latency 60; project "$(through)"
    note atlas migrate push --env ci; [ "$status" -eq 0 ]; equal "$stderr" ""
    note atlas migrate apply --env prod; [ "$status" -eq 0 ]; equal "$(tables app.db)" t1
}

@test "a truncated body is never used" {
    migrations 3; use_rgw; local url n; url=$(bucket "$RGW_URL"); project "$url"; atlas migrate push --env ci > /dev/null
    atlas registry sync --env ci > /dev/null; local at=${url%%\?*}
    for n in 1 300; do
        proxy "$(port_of "$RGW_URL")" truncate $n; project "$at?endpoint=$PROXY"; rm -f app.db
        note atlas migrate apply --env prod; [ "$status" -eq 1 ]; one_line; [ ! -e app.db ] || equal "$(tables app.db)" ""
    done
    no_secrets
}

@test "bytes that are not what was pushed are never used" {
    migrations 3; use_rgw; local url; url=$(bucket "$RGW_URL"); project "$url"; atlas migrate push --env ci > /dev/null
    proxy "$(port_of "$RGW_URL")" replace; project "${url%%\?*}?endpoint=$PROXY"
    note atlas migrate apply --env prod; [ "$status" -eq 1 ]; one_line; [ ! -e app.db ] || equal "$(tables app.db)" ""
    project "$url" file://b1; atlas registry sync --env ci > /dev/null
    local blob; blob=$(ls b1/app/blobs/sha256); head -c 4096 /dev/zero > zeros
    s3 PUT "$RGW_URL/lab/${url#s3://lab/}" zeros 2>/dev/null || true
    s3 PUT "$RGW_URL/lab/$(sed -E 's|s3://lab/([^?]*).*|\1|' <<< "$url")/app/blobs/sha256/$blob" zeros
    note atlas migrate apply --env prod; [ "$status" -eq 0 ]; equal "$(tables app.db)" "t1 t2 t3"; has "$stderr" "skipped" "file://b1 serves" || has "$stderr" "skipped"
    no_secrets
}

@test "a wrong secret, a missing bucket, an unknown host" {
    migrations 1; use_swift; project "$(bucket "$SWIFT_URL")"
    AWS_SECRET_ACCESS_KEY=testing_secret note atlas migrate push --env ci; [ "$status" -eq 1 ]; one_line; has "$stderr" SignatureDoesNotMatch
    use_rgw; project "s3://no-such-bucket/x?endpoint=$RGW_URL"
    note atlas migrate push --env ci; [ "$status" -eq 1 ]; one_line; has "$stderr" NoSuchBucket
    project "s3://lab/x?endpoint=http://no-such-host.invalid"
    note atlas migrate push --env ci; [ "$status" -eq 1 ]; one_line; has "$stderr" "no-such-host.invalid"
    unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
    note atlas migrate push --env ci; [ "$status" -eq 1 ]; one_line; has "$stderr" "AWS_ACCESS_KEY_ID"
    no_secrets
}

@test "a full disk: a clear error, and no partial object" {
    migrations 1; head -c 400000 /dev/urandom | base64 -w 200 | sed 's/^/-- /' > migrations/20260201.sql; atlas migrate hash
    local limited=()
    mkdir full
    if mount -t tmpfs -o size=128k none full 2>/dev/null; then :; else limited=(bash -c 'ulimit -f 200; trap "" XFSZ; exec "$@"' --); fi
    project file://full/store file://b1
    note "${limited[@]}" atlas migrate push --env ci
    if [ ${#limited[@]} -eq 0 ]; then
        [ "$status" -eq 0 ]; one_line; has "$stderr" "backup file://full/store could not be written" "No space left on device"
    else
        [ "$status" -eq 1 ]; has "$stderr" "File too large"
    fi
    equal "$(find full -name '.tmp*')" ""; equal "$(find full -path '*refs*' -type f)" ""
    local f; for f in $(find full -path '*sha256/*' -type f); do equal "$(sha256sum < "$f" | cut -d' ' -f1)" "$(basename "$f")"; done
    project file://full/store; note "${limited[@]}" atlas migrate push --env ci; [ "$status" -eq 1 ]; one_line
}

@test "a store that cannot be written" {
    migrations 1; echo file > not-a-directory; project file://not-a-directory/x
    note atlas migrate push --env ci; [ "$status" -eq 1 ]; one_line; has "$stderr" "not-a-directory"
    project 'file://missing?create_dir=false'; note atlas migrate push --env ci; [ "$status" -eq 1 ]; one_line; has "$stderr" "missing: no such directory"
    [ ! -e missing ]
    mkdir readonly; chmod 555 readonly
    if [ "$(id -u)" != 0 ]; then
        project file://readonly/s; note atlas migrate push --env ci; [ "$status" -eq 1 ]; one_line; has "$stderr" "Permission denied"
    elif mount -t tmpfs -o size=64k,ro none full 2>/dev/null || { mkdir -p full && mount -t tmpfs -o size=64k,ro none full 2>/dev/null; }; then
        project file://full/s; note atlas migrate push --env ci; [ "$status" -eq 1 ]; one_line; has "$stderr" "Read-only file system"
    fi
    project file:///proc/nothing/here; note atlas migrate push --env ci; [ "$status" -eq 1 ]; one_line; has "$stderr" /proc/nothing
}

@test "a database that cannot be opened or written" {
    migrations 1
    note atlas migrate apply --url sqlite://no/such/dir/app.db; [ "$status" -eq 1 ]; one_line; has "$stderr" "no/such/dir"
    echo 'this is no database, and long enough to be read as one by SQLite' > text.db; yes x | head -c 4096 >> text.db
    note atlas migrate apply --url sqlite://text.db; [ "$status" -eq 1 ]; one_line; has "$stderr" "not a database"
    note atlas migrate apply --url 'postgres://u:hunter2@127.0.0.1:1/db'; [ "$status" -eq 1 ]; one_line
    sqlite3 app.db 'create table x (a int)'; rm app.db; mkdir app.db
    note atlas migrate apply --url sqlite://app.db; [ "$status" -eq 1 ]; one_line
    no_secrets
}

# --- an S3 server of our own, for what real ones do seldom ------------------------------------------

odd_s3() { # CODE: a line of python; it sees h (the request), query, key, D (the objects), answer(status, body, headers)
    cat > odd.py <<'P'
import http.server, os, sys, urllib.parse
D, odd = {}, compile(sys.argv[1], 'odd', 'exec')
class H(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    def log_message(self, *a): pass
    def do_GET(h):
        body = h.rfile.read(int(h.headers.get('Content-Length') or 0))
        u = urllib.parse.urlparse(h.path); key, query = u.path, urllib.parse.parse_qs(u.query)
        h.answered = False
        def answer(status, out=b'', headers={}):
            h.answered = True; h.send_response(status)
            for k in headers: h.send_header(k, headers[k])
            h.send_header('Content-Length', str(len(out))); h.end_headers()
            if h.command != 'HEAD': h.wfile.write(out)
        exec(odd, {'h': h, 'query': query, 'answer': answer, 'D': D, 'key': key})
        if h.answered: return
        if h.command == 'PUT':
            if h.headers.get('If-None-Match') and key in D: return answer(412)
            D[key] = body; return answer(200, b'', {'ETag': '"x"'})
        answer(200, D[key], {'ETag': '"x"'}) if key in D else answer(404, b'<Error><Code>NoSuchKey</Code></Error>')
    do_PUT = do_HEAD = do_GET
s = http.server.ThreadingHTTPServer(('127.0.0.1', 0), H); s.daemon_threads = True
open('odd.tmp', 'w').write(str(s.server_port)); os.rename('odd.tmp', 'odd.port')
s.serve_forever()
P
    python3 odd.py "$1" 3>&- > odd.log 2>&1 & echo $! > odd.pid
    local i; for i in $(seq 200); do [ -s odd.port ] && break; sleep 0.05; done
    export AWS_ACCESS_KEY_ID=a AWS_SECRET_ACCESS_KEY=b
    project "url=s3://bkt?endpoint=http://127.0.0.1:$(cat odd.port)"
}

@test "s3: requests side by side all learn the bucket's region" {
    migrations 1
    odd_s3 "if '/eu-central-1/' not in h.headers.get('Authorization', ''): answer(301, b'<Error><Code>PermanentRedirect</Code></Error>', {'x-amz-bucket-region': 'eu-central-1'})"
    run --separate-stderr atlas migrate push app:v1 --env ci
    kill "$(cat odd.pid)"
    equal "$stderr" ""; [ "$status" -eq 0 ]
}

@test "s3: a listing without an end is an error" {
    migrations 1
    odd_s3 "if 'list-type' in query: answer(200, b'<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken></ListBucketResult>')"
    atlas migrate push app:v1 --env ci
    run timeout 20 atlas registry verify --env ci
    kill "$(cat odd.pid)"
    [ "$status" -eq 1 ]; has "$output" "the listing does not end"
}

@test "s3: a bucket that may not be listed answers 403 for what is not there" {
    migrations 1
    odd_s3 "if h.command != 'PUT' and key not in D: answer(403, b'<Error><Code>AccessDenied</Code></Error>')"
    local i
    for i in 1 2; do
        run --separate-stderr atlas migrate push app:v$i --env ci
        [ "$status" -eq 0 ]; equal "$stderr" ""
    done
    run atlas migrate ls --dir 'atlas://app?tag=v2' --env ci --short
    [ "$status" -eq 0 ]; equal "$output" 20260101000000
    run atlas migrate ls --dir 'atlas://app?tag=none' --env ci
    kill "$(cat odd.pid)"
    [ "$status" -eq 1 ]; has "$output" "tag none of \"app\" not found"
}

# --- waiting as the server asks, giving up, and trust -------------------------------------------------

refuses_once() { # STATUS HEADERS: the first request of each kind gets this (a python dict)
    odd_s3 "import time, email.utils
n = D.setdefault(h.command, [0]); n[0] += 1
if n[0] == 1: answer($1, b'<Error><Code>SlowDown</Code></Error>', $2)"
}

@test "500, 503 and 429 once: the server's Retry-After is obeyed, in seconds and as a date" {
    migrations 1; local t0 more; export ATLAS_HTTP_TIMEOUT=10
    for more in "500 {}" "503 {}" "429 {}" "503 {'Retry-After':'1'}" "429 {'Retry-After':'1'}" "503 {'Retry-After':email.utils.formatdate(time.time()+2,usegmt=True)}"; do
        refuses_once "${more%% *}" "${more#* }"; t0=${EPOCHREALTIME/./}
        note atlas migrate push --env ci; [ "$status" -eq 0 ]; equal "$stderr" ""
        [[ $more != *Retry-After* ]] || [ $((${EPOCHREALTIME/./} - t0)) -ge 950000 ]
        stop_pid odd.pid; rm odd.port
    done
    no_secrets
}

@test "a Retry-After beyond the time-out is not waited for" {
    migrations 1; refuses_once 503 "{'Retry-After':'100'}"; project "s3://bkt?endpoint=http://127.0.0.1:$(cat odd.port)" file://b1
    SECONDS=0; note atlas migrate push --env ci; [ $SECONDS -le 3 ]; [ "$status" -eq 0 ]; has "$stderr" "HTTP 503" "could not be written"
    no_secrets
}

@test "a server that trickles is given up after 30 s; one that cannot be connected to is asked again" {
    unset ATLAS_HTTP_TIMEOUT ATLAS_HTTP_RETRIES; migrations 1; use_rgw
    cat > odd.py <<'P'
import os, socket, sys, threading, time
name, busy = sys.argv[1], sys.argv[1] == 'busy'
s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(0 if busy else 50)
if busy: # nobody takes connections and the queue is full, for longer than one attempt lasts
    full = [socket.socket() for _ in range(3)]
    for c in full: c.setblocking(False); c.connect_ex(s.getsockname())
open('tmp.' + name, 'w').write(str(s.getsockname()[1])); os.rename('tmp.' + name, name + '.port')
def pump(a, b):
    try:
        while data := a.recv(65536): b.sendall(data)
    except OSError: pass
def serve(c):
    if not busy:
        c.recv(65536); c.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n')
        while True: c.sendall(b'x'); time.sleep(0.5)
    up = socket.create_connection(('127.0.0.1', int(sys.argv[2])))
    threading.Thread(target=pump, args=(c, up), daemon=True).start(); pump(up, c)
if busy:
    time.sleep(11)
    for c in full: c.close()
    s.listen(50)
while True:
    c = s.accept()[0]; threading.Thread(target=serve, args=(c,), daemon=True).start()
P
    local name i; for name in trickle busy; do
        python3 odd.py $name "$(port_of "$RGW_URL")" 3>&- > $name.log 2>&1 & echo $! > $name.pid
    done
    for i in $(seq 200); do [ -s trickle.port ] && [ -s busy.port ] && break; sleep 0.05; done
    project "url=s3://lab/busy-$RANDOM?endpoint=http://127.0.0.1:$(cat busy.port)"; mv atlas.hcl busy.hcl
    (SECONDS=0; rc=0; atlas migrate push --env ci -c file://busy.hcl > busy.out 2>&1 || rc=$?; echo "exit $rc in $SECONDS s" >> busy.out) 3>&- &
    local job=$!; project "url=s3://lab/x?endpoint=http://127.0.0.1:$(cat trickle.port)"
    SECONDS=0; note atlas migrate ls --dir atlas://app --env prod; echo "$stderr ($SECONDS s)"
    [ "$status" -eq 1 ]; [ $SECONDS -ge 28 ]; [ $SECONDS -le 44 ]; one_line; has "$stderr" "too slow"
    wait $job; cat busy.out; has "$(cat busy.out)" "exit 0 in 1"
    no_secrets
}

@test "TLS with an unknown CA: refused, with the host and what to do; with SSL_CERT_FILE it works" {
    migrations 1; use_rgw; authority ca 127.0.0.1 elsewhere.example; tls "$(port_of "$RGW_URL")" 127.0.0.1.pem
    local at=lab/t$RANDOM; project "url=s3://$at?endpoint=https://127.0.0.1:$PORT"
    note atlas migrate push --env ci; [ "$status" -eq 1 ]; one_line; has "$stderr" "https://127.0.0.1:$PORT/" certificate SSL_CERT_FILE
    project "s3://$at?endpoint=https://127.0.0.1:$PORT" file://b1; note atlas migrate push --env ci; [ "$status" -eq 0 ]; one_line; has "$stderr" SSL_CERT_FILE
    project "url=s3://$at?endpoint=https://127.0.0.1:$PORT"; export SSL_CERT_FILE=$DIR/ca.crt
    note atlas migrate push --env ci; [ "$status" -eq 0 ]; equal "$stderr" ""; note atlas migrate apply --env prod; [ "$status" -eq 0 ]; equal "$(tables app.db)" t1
    tls "$(port_of "$RGW_URL")" elsewhere.example.pem; project "url=s3://$at?endpoint=https://127.0.0.1:$PORT" # a name that is not its own
    note atlas migrate push --env ci; [ "$status" -eq 1 ]; one_line; has "$stderr" 127.0.0.1 certificate "match"; lacks "$stderr" SSL_CERT_FILE
    serve; tls "$(port_of "$REGISTRY")" 127.0.0.1.pem; export ATLAS_CLOUD_URL=https://127.0.0.1:$PORT/query; project
    note atlas migrate push --env ci; [ "$status" -eq 0 ]
    unset SSL_CERT_FILE; note atlas migrate push --env ci; [ "$status" -eq 1 ]; one_line; has "$stderr" "https://127.0.0.1:$PORT/query" SSL_CERT_FILE
    no_secrets
}

@test "a full S3 server: the other copy takes it, and the error says so" {
    migrations 1; odd_s3 "if h.command == 'PUT' and 'blobs' in key: answer(507, b'<Error><Code>XMinioStorageFull</Code><Message>no space left</Message></Error>')"
    local at; at=s3://bkt?endpoint=http://127.0.0.1:$(cat odd.port)
    note atlas migrate push --env ci; [ "$status" -eq 1 ]; one_line; has "$stderr" "HTTP 507" XMinioStorageFull
    project "$at" file://b1; note atlas migrate push --env ci; [ "$status" -eq 0 ]; one_line; has "$stderr" XMinioStorageFull
    note atlas migrate apply --env prod; [ "$status" -eq 0 ]; equal "$(tables app.db)" t1
    no_secrets
}

@test "a registry server with a full disk: reads go on, pushes go to the backups, and work again" {
    migrations 1; mkdir full; local limit=unlimited at=full i
    if ! mount -t tmpfs -o size=160k none full 2> /dev/null; then limit=200 at=registry; fi
    (ulimit -f $limit; trap '' XFSZ; exec atlas registry serve --store "file://$DIR/$at" --listen 127.0.0.1:0 > serve.log 2>&1 3>&-) 3>&- & echo $! > serve.pid
    for i in $(seq 200); do grep -q '^serving' serve.log && break; sleep 0.05; done
    ATLAS_CLOUD_URL=$(sed -nE 's/.* at (http:[^ ]*)/\1/p' serve.log); export ATLAS_CLOUD_URL ATLAS_TOKEN=aci_test_token
    project; note atlas migrate push app:small --env ci; [ "$status" -eq 0 ]
    head -c 400000 /dev/urandom | base64 -w 200 | sed 's/^/-- /' > migrations/20260201.sql; atlas migrate hash
    note atlas migrate push app:large --env ci; [ "$status" -eq 1 ]; one_line; has "$stderr" "No space left on device" || has "$stderr" "File too large"
    project file://b1; note atlas migrate push app:large --env ci; [ "$status" -eq 0 ]; one_line; has "$stderr" "marked as pending"
    equal "$(find $at -name '.tmp*')" ""; [ ! -e $at/app/refs/tags/large ]
    project; note atlas migrate ls --dir 'atlas://app?tag=small' --env prod; [ "$status" -eq 0 ]
    rm migrations/20260201.sql; atlas migrate hash; note atlas migrate push app:again --env ci; [ "$status" -eq 0 ]
    stop_serving; no_secrets
}
