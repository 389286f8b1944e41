#!/usr/bin/env bats
# What must not happen: TLS that is not checked, credentials on the way to another host, secrets in a
# log, a server that one client can spoil for the others.
bats_require_minimum_version 1.5.0
load common
setup() { common_setup; export ATLAS_HTTP_TIMEOUT=5 ATLAS_HTTP_RETRIES=2; }
teardown() { common_teardown; }

wire() { # NAME MODE...: tests/servers/s3-wire, requests in NAME.log
    local name=$1; shift; : > "$name.log"
    start_tool "$name" s3-wire "$DIR/$name.port" "$DIR/$name.log" "$@"
}
none() { ! grep -E -- "$1"; } # PATTERN: is not in the input
fails() { run --separate-stderr "$@"; [ "$status" -eq 1 ] || { echo "exit $status: $output $stderr"; return 1; }; }

# --- TLS ----------------------------------------------------------------------------------------

@test "TLS is always checked: no flag, no variable, no file turns it off" {
    migrations 1; use_rgw; authority ca 127.0.0.1; tls "$(port_of "$RGW_URL")" 127.0.0.1.pem; local name query command
    local url=s3://lab/x?endpoint=https://127.0.0.1:$PORT
    printf 'insecure\nproxy-insecure\n' > "$HOME/.curlrc"; project "url=$url"
    for name in ATLAS_INSECURE ATLAS_TLS_SKIP_VERIFY ATLAS_HTTP_INSECURE CURL_INSECURE GIT_SSL_NO_VERIFY NODE_TLS_REJECT_UNAUTHORIZED PYTHONHTTPSVERIFY AWS_S3_NO_VERIFY_SSL SSL_NO_VERIFY; do
        for value in 0 1 true false; do export "$name=$value"; done
    done
    fails atlas migrate push --env ci; has "$stderr" certificate
    for query in insecure skip_verify verify disable_ssl no_verify_ssl tls; do
        project "url=$url&$query=true"; fails atlas migrate push --env ci; has "$stderr" "unknown query parameter \"$query\""
    done
    atlas help | sed -nE 's/^  ([a-z][a-z -]*[a-z])  .*/\1/p' > commands; [ "$(wc -l < commands)" -gt 10 ]
    while read -r command; do
        run atlas $command --help; [[ $command == "registry serve" ]] || [[ ! $output =~ (insecure|skip-verify|no-verify|tls) ]] || { echo "$command: $output"; return 1; }
    done < commands
    cat "$ATLAS_ROOT"/src/http/*.c | none 'SSL_VERIFY(PEER|HOST)|SSL_OPTIONS|PROXY_SSL_VERIFY'
}

@test "TLS older than 1.2 is refused" {
    migrations 1; use_rgw; authority ca 127.0.0.1; export SSL_CERT_FILE=$DIR/ca.crt
    tls "$(port_of "$RGW_URL")" 127.0.0.1.pem 1.1; project "url=s3://lab/x?endpoint=https://127.0.0.1:$PORT"
    printf 'openssl_conf=c\n[c]\nssl_conf=s\n[s]\nsystem_default=d\n[d]\nMinProtocol=TLSv1\nCipherString=ALL:@SECLEVEL=0\n' > openssl.cnf
    OPENSSL_CONF=$DIR/openssl.cnf fails atlas migrate push --env ci; has "$stderr" "https://127.0.0.1:$PORT" SSL
    OPENSSL_CONF=$DIR/openssl.cnf curl -s --cacert ca.crt --tls-max 1.1 -o /dev/null "https://127.0.0.1:$PORT/" # the server does talk
}

# --- other hosts --------------------------------------------------------------------------------

nothing_secret_at() { # NAME: the requests that arrived there carry no credentials
    ! jq -r '.headers | to_entries[] | "\(.key): \(.value)"' "$1.log" | grep -iE '^(authorization|x-amz-(security-token|date|content)|x-ms-|cookie|private-token)|aci_test_token|Credential='
}

@test "a redirected write goes nowhere else" {
    migrations 1; export AWS_ACCESS_KEY_ID=a AWS_SECRET_ACCESS_KEY=redirected-secret AWS_SESSION_TOKEN=redirected-session; local other code
    wire other plain; other=http://localhost:$PORT
    for code in 301 302 307 308; do
        cat > move.py <<'P'
import http.server, os, sys
class H(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    def log_message(self, *a): pass
    def do_PUT(self):
        self.rfile.read(int(self.headers.get('Content-Length') or 0))
        self.send_response(int(sys.argv[1])); self.send_header('Location', sys.argv[2] + self.path)
        self.send_header('Content-Length', '0'); self.end_headers()
    do_GET = do_POST = do_HEAD = do_PUT
s = http.server.ThreadingHTTPServer(('127.0.0.1', 0), H); s.daemon_threads = True
open('move.tmp', 'w').write(str(s.server_port)); os.rename('move.tmp', 'move.port'); s.serve_forever()
P
        python3 move.py $code "$other" 3>&- > move.out 2>&1 & echo $! > move.pid
        local i; for i in $(seq 200); do [ -s move.port ] && break; sleep 0.02; done
        project "url=s3://lab/x?endpoint=http://127.0.0.1:$(cat move.port)"; fails atlas migrate push --env ci
        export ATLAS_CLOUD_URL=http://127.0.0.1:$(cat move.port)/query ATLAS_TOKEN=aci_test_token; project # every request is a POST there
        fails atlas migrate push --env ci; fails atlas migrate apply --env prod
        unset ATLAS_TOKEN; stop_pid move.pid; rm move.port
    done
    nothing_secret_at other; equal "$(jq -r 'select(.method != "GET" and .method != "HEAD") | .method' other.log)" ""
}

@test "another name of the same machine, another port: another host" {
    migrations 1; export AWS_ACCESS_KEY_ID=a AWS_SECRET_ACCESS_KEY=redirected-secret AWS_SESSION_TOKEN=redirected-session; local first to
    wire first plain; first=$PORT; project "url=s3://lab/x?endpoint=http://127.0.0.1:$first"; atlas migrate push --env ci > /dev/null
    for to in "http://localhost:$first" "http://127.1:$first"; do
        : > first.log; wire moved redirect "$to"; project "url=s3://lab/x?endpoint=http://127.0.0.1:$PORT"
        run atlas migrate apply --env prod; nothing_secret_at first; stop_pid moved.pid; rm -f app.db
    done
    wire moved redirect "https://127.0.0.1:$first"; project "url=s3://lab/x?endpoint=http://127.0.0.1:$PORT"; : > first.log
    fails atlas migrate apply --env prod; equal "$(wc -l < first.log)" 0 # another scheme is not followed
}

@test "a key file whose token endpoint is elsewhere gets no token request" {
    migrations 1; wire other plain; openssl genrsa -out key.pem 2048 2> /dev/null; secret "$(sed -n 2p key.pem)" users-own-secret refresh-token-0123
    export http_proxy=http://127.0.0.1:$PORT https_proxy=http://127.0.0.1:$PORT # sees whatever is sent anywhere
    unset GCE_METADATA_HOST; export GOOGLE_APPLICATION_CREDENTIALS=$DIR/key.json; local at; project "url=gs://lab/x"
    for at in http://tokens.example/token https://tokens.example/token https://googleapis.com.tokens.example/token https://tokens.example@googleapis.com.evil.example/; do
        jq -n --rawfile k key.pem --arg u "$at" '{type:"service_account",client_email:"a@b.iam.gserviceaccount.com",private_key_id:"1",private_key:$k,token_uri:$u}' > key.json
        fails atlas migrate push --env ci; has "$stderr" "credentials are not sent to"
        jq -n --arg u "$at" '{type:"authorized_user",client_id:"i",client_secret:"users-own-secret",refresh_token:"refresh-token-0123",token_uri:$u}' > key.json
        fails atlas migrate push --env ci; has "$stderr" "credentials are not sent to"
    done
    equal "$(wc -l < other.log)" 0
}

# --- logs ---------------------------------------------------------------------------------------

@test "the most talkative log of a failing run holds no secret" {
    migrations 1; authority ca 127.0.0.1; secret users-password; local kind
    atlas registry key new > keys 2>&1; local key; key=$(sed -n '2s/ //gp' keys); secret "$key" "${key#*:}"
    export ATLAS_TOKEN=aci_test_token ATLAS_SIGN_KEY=$key AWS_SESSION_TOKEN=talkative-session
    for kind in "status 503" "status 403" "status 400" "skew 5400" "region ap-south-1"; do
        : > wire.log; start_tool wire s3-wire "$DIR/wire.port" "$DIR/wire.log" $kind
        use_rgw; project "url=s3://lab/x?endpoint=http://127.0.0.1:$PORT" "s3://lab/y?endpoint=http://user:users-password@127.0.0.1:$PORT" file://b1
        mkdir -p runner; run env GITHUB_ACTIONS=true RUNNER_DEBUG=1 GITHUB_OUTPUT="$DIR/out.txt" GITHUB_STEP_SUMMARY="$DIR/sum.txt" \
            INPUT_CONFIG=file://atlas.hcl INPUT_ENV=ci INPUT_DIR=file://migrations INPUT_DIR-NAME=app ATLAS_ACTION=migrate/push atlas-action
        echo "$output"; local visible; visible=$(grep -v '^::add-mask::' <<< "$output"; cat out.txt sum.txt 2> /dev/null || true)
        none "$RGW_SECRET|aci_test_token|talkative-session|users-password|${key#*:}|Signature=[0-9a-f]{8}" <<< "$visible"
        [[ $kind != "status 503" ]] || has "$output" "::debug::"
        stop_pid wire.pid; rm -f wire.port
    done
}

@test "the search for secrets finds one that is told" {
    local d=$DIR/record find=$ATLAS_ROOT/tests/support/find-secrets; mkdir -p "$d/out"
    echo told-by-mistake > "$d/secrets"; echo "atlas migrate push" > "$d/out/1.args"; echo "all is well" > "$d/out/1.log"
    run "$find" "$d"; [ "$status" -eq 0 ]; has "$output" "1 looked for in the output of 1 runs"
    echo "Error: told-by-mistake is wrong" >> "$d/out/1.log"
    run "$find" "$d"; [ "$status" -eq 1 ]; has "$output" "a secret was printed by: atlas migrate push" "told-by-mistake is wrong"
    echo "::add-mask::told-by-mistake" > "$d/out/1.log"; run "$find" "$d"; [ "$status" -eq 0 ]
    local text; for text in "GET /x?X-Amz-Signature=0123456789abcdef0123" "Authorization: Bearer abcdefghijklmnop" "?sv=1&sig=abcdefghijklmnopqrst" "-----BEGIN PRIVATE KEY-----"; do
        echo "$text" > "$d/out/1.log"; run "$find" "$d"; [ "$status" -eq 1 ]
    done
}

# --- the server ---------------------------------------------------------------------------------

@test "the server shrugs off garbage, floods and half-open connections, and serves the others" {
    migrations 1; serve; project; atlas migrate push app:v1 --env ci > /dev/null
    timeout 60 python3 - "$(port_of "$REGISTRY")" <<'P'
import http.client, json, os, socket, sys, time
port = int(sys.argv[1])
def open_one(): return socket.create_connection(("127.0.0.1", port), timeout=20)
def said(s):
    s.settimeout(2) # silence is an answer as well
    try: return s.recv(65536)
    except (ConnectionError, TimeoutError): return b""
start = time.monotonic()
def phase(name): print("%5.1f s: %s" % (time.monotonic() - start, name), flush=True)
def others_are_served():
    c = http.client.HTTPConnection("127.0.0.1", port, timeout=20, source_address=("127.0.0.2", 0))
    begin = time.monotonic()
    c.request("POST", "/query", '{"query":"query Bot { me { name } }"}', {"Authorization": "Bearer t"})
    r = c.getresponse(); assert r.status == 200, r.status; r.read(); c.close()
    return time.monotonic() - begin
head = b"POST /query HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer t\r\n"
garbage = [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + os.urandom(300), os.urandom(2000), b"GET\r\n\r\n", b"\r\n" * 500,
           b"GET / HTTP/9.9\r\n\r\n", b"POST /query HTTP/1.1\r\nContent-Length: -5\r\n\r\n", head + b"Content-Length: 99999999999999999999\r\n\r\n",
           head + b"Content-Length: 5\r\nContent-Length: 7\r\n\r\n1234567", head + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
           head + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nxx\r\n", b"\0" * 5000, b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
           b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", head + b": empty\r\n bent\r\n\r\n"]
for g in garbage:
    s = open_one()
    try: s.sendall(g); s.shutdown(socket.SHUT_WR)
    except OSError: pass
    answer = said(s)
    assert not answer.startswith(b"HTTP/1.1 200"), (g[:80], answer[:200])
    s.close()
phase("garbage"); others_are_served()
# Bodies that are not the protocol: a GraphQL error, in JSON.
for body in [b"", b"hello", b"[]", b"null", b"{}", b'{"query":5}', b'{"query":"mutation"}', b'{"query":"query Bot {"', b"\xff\xfe{}", b'{"query":"x","variables":{"input":"' + b"A" * 1000000 + b'"}}']:
    c = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    c.request("POST", "/query", body, {"Authorization": "Bearer t"})
    r = c.getresponse(); text = json.loads(r.read()); assert "errors" in text, (body[:50], r.status, text)
phase("bodies")
# A flood of headers, or one that never ends, is refused or cut.
for flood in [b"".join(b"X-%d: y\r\n" % i for i in range(20000)), b"X: " + b"y" * (4 << 20)]:
    s = open_one()
    try: s.sendall(head + flood + b"\r\n\r\n")
    except OSError: pass
    assert not said(s).startswith(b"HTTP/1.1 200"); s.close()
phase("floods"); others_are_served()
# Chunks without a length, over the limit: refused or cut before they fill the memory.
s, sent = open_one(), 0
try:
    s.sendall(head + b"Transfer-Encoding: chunked\r\n\r\n")
    while sent < 200 << 20:
        s.sendall(b"100000\r\n" + b"x" * (1 << 20) + b"\r\n"); sent += 1 << 20
except OSError: pass
assert sent < 100 << 20, "took %d MiB" % (sent >> 20)
s.close()
phase("chunks")
# Many half-open connections, some in the middle of a body: the others wait, but are served.
crowd = []
for i in range(300):
    c = socket.socket(); c.setblocking(False); c.connect_ex(("127.0.0.1", port)); crowd.append(c)
for i, c in enumerate(crowd):
    try: c.send(head + (b"Content-Length: 1000\r\n\r\nabc" if i % 2 else b"X-Half"))
    except OSError: pass
took = others_are_served(); phase("served beside a crowd after %.1f s" % took); assert took < 5
for c in crowd: c.close()
P
    kill -0 "$(cat serve.pid)"; equal "$(curl -s --interface 127.0.0.2 "$REGISTRY/healthz")" ok
}
