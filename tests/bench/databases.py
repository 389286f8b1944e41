"""Applies on PostgreSQL and MariaDB against psql, mariadb, dbmate and sqitch: near and far away; status
with 10,000 revisions; many tenants at the same time."""
import os, shutil, subprocess

from measure import *

FILES, FAR_FILES, STATEMENTS, REVISIONS, FAR_MS = 1000, 100, 10, 10000, 40
PG_TENANTS, SQLITE_TENANTS = 50, 200
SCHEMES = {'postgres': 'postgres', 'mariadb': 'mariadb'}


def statements(i):
    sql = ['CREATE TABLE t%d (id integer PRIMARY KEY, name varchar(64) NOT NULL, created_at varchar(32))' % i,
           'CREATE INDEX t%d_name ON t%d (name)' % (i, i)]
    sql += ["INSERT INTO t%d (id, name, created_at) VALUES (%d, 'name %d of file %d', '2026-01-01 00:00:00')"
            % (i, k, k, i) for k in range(1, 8)]
    sql += ["UPDATE t%d SET name = 'it''s changed; really' WHERE id = 3" % i]
    assert len(sql) == STATEMENTS
    return ''.join(s + ';\n' for s in sql)


TABLE = {
    'postgres': "CREATE TABLE atlas_schema_revisions (version varchar PRIMARY KEY, description varchar NOT NULL, type bigint "
                "NOT NULL, applied bigint NOT NULL, total bigint NOT NULL, executed_at timestamptz NOT NULL, execution_time "
                "bigint NOT NULL, error text, error_stmt text, hash varchar NOT NULL, partial_hashes jsonb, "
                "operator_version varchar NOT NULL);\n",
    'mariadb': "CREATE TABLE atlas_schema_revisions (version varchar(255) PRIMARY KEY, description varchar(255) NOT NULL, type "
               "bigint unsigned NOT NULL, applied bigint NOT NULL, total bigint NOT NULL, executed_at timestamp NULL, "
               "execution_time bigint NOT NULL, error longtext, error_stmt longtext, hash varchar(255) NOT NULL, "
               "partial_hashes json, operator_version varchar(255) NOT NULL);\n"}
ROW = ("INSERT INTO atlas_schema_revisions VALUES ('%s', 'step%d', 2, 10, 10, '2026-01-01 00:00:00', 123456, '', '', "
       "'uQC8jW5i9l2Bvs1gGbQz4XvGMZ1FhqjKJBfQdDH1oZ4=', 'null', 'Atlas CLI v0.1.0');\n")


def write_directory(name, count):
    """name/: ours; name-dbmate/; name-sqitch/; name.DRIVER.sql: the same for the shell."""
    for d in (name, name + '-dbmate', name + '-sqitch/deploy'):
        os.makedirs(d)
    plan = '%syntax-version=1.0.0\n%project=bench\n\n'
    shells = {d: open('%s.%s.sql' % (name, d), 'w') for d in TABLE}
    for d, f in shells.items():
        f.write(TABLE[d])
    for i in range(1, count + 1):
        version, sql = str(20260101000000 + i), statements(i)
        open('%s/%s_step%d.sql' % (name, version, i), 'w').write(sql)
        open('%s-dbmate/%s_step%d.sql' % (name, version, i), 'w').write('-- migrate:up\n' + sql + '\n-- migrate:down\n')
        open('%s-sqitch/deploy/step%d.sql' % (name, i), 'w').write('BEGIN;\n' + sql + 'COMMIT;\n')
        plan += 'step%d 2026-01-01T00:00:%02dZ a <a@example.com> # x\n' % (i, i % 60)
        for f in shells.values():
            f.write('BEGIN;\n' + sql + ROW % (version, i) + 'COMMIT;\n')
    for f in shells.values():
        f.close()
    open(name + '-sqitch/sqitch.plan', 'w').write(plan)
    timed([[BUILD + '/atlas', 'migrate', 'hash', '--dir', 'file://' + name]])


class Database:
    """A server of its own, and a proxy that makes it FAR_MS away."""
    def __init__(self, name):
        self.name, self.dir = name, os.path.abspath(name)

    def __enter__(self):
        self.port = free_ports()
        self.far = self.port + 1
        server(self.name, 'install')
        server(self.name, 'start', self.dir, str(self.port))
        server('latency', 'start', self.dir + '-far', str(self.far), str(self.port), str(FAR_MS))
        return self

    def __exit__(self, *_):
        server('latency', 'stop', self.dir + '-far')
        server(self.name, 'stop', self.dir)

    def sql(self, text):
        argv = self.shell(self.port, admin=True)
        return subprocess.run(argv, input=text, text=True, capture_output=True, check=True, env=ENV).stdout

    def fresh(self, name='bench'):
        if self.name == 'postgres':
            self.sql('SET client_min_messages = error; DROP DATABASE IF EXISTS %s;\n' % name)
            self.sql('CREATE DATABASE %s;\n' % name)
        else:
            self.sql('DROP DATABASE IF EXISTS %s; CREATE DATABASE %s;\n' % (name, name))

    def url(self, port, name='bench'):
        if self.name == 'postgres':
            return 'postgres://postgres:labpw@127.0.0.1:%d/%s?sslmode=disable&search_path=public' % (port, name)
        return 'mariadb://lab:labpw@127.0.0.1:%d/%s' % (port, name)

    def shell(self, port, admin=False):
        if self.name == 'postgres':
            return ['psql', '-qAtX', '-v', 'ON_ERROR_STOP=1', 'postgres://postgres:labpw@127.0.0.1:%d/%s?sslmode=disable'
                    % (port, 'postgres' if admin else 'bench')]
        return ['mariadb', '--no-defaults', '-N', '-h127.0.0.1', '-P%d' % port, '-ulab', '-plabpw'] + ([] if admin else ['bench'])

    def dbmate(self, port, directory):
        url = self.url(port).replace('mariadb://', 'mysql://').replace('&search_path=public', '')
        return [DBMATE, '--url', url, '--migrations-dir', directory + '-dbmate', '--no-dump-schema', 'up']

    def sqitch(self, port, directory):
        scheme = 'pg' if self.name == 'postgres' else 'mysql'
        user = 'postgres' if scheme == 'pg' else 'lab'
        target = 'db:%s://%s:labpw@127.0.0.1:%d/bench' % (scheme, user, port)
        return ['sqitch', '--chdir', directory + '-sqitch', 'deploy', '--target', target]

    def atlas(self, build, port, directory):
        return [build + '/atlas', 'migrate', 'apply', '--dir', 'file://' + directory, '--url', self.url(port)]

    def run(self, argv, count, stdin=None):
        def one(i):
            self.fresh()
            ms = timed([argv], stdin)
            where = "table_schema = '%s'" % ('public' if self.name == 'postgres' else 'bench')
            out = subprocess.run(self.shell(self.port), input="select count(*) from information_schema.tables where %s and "
                                 "table_name like 't%%';\n" % where, text=True, capture_output=True, env=ENV).stdout
            if int(out) < count:
                sys.exit('bench: %s made %s tables instead of %d: the comparison would not be fair' % (argv[0], out, count))
            return ms
        return one


def bench_near(db, aim):
    for build, name in builds():
        ours = db.run(db.atlas(build, db.port, 'near'), FILES)
        shell = db.run(db.shell(db.port), FILES, 'near.%s.sql' % db.name)
        compare('%s, near' % db.name, ('atlas, ' + name, db.shell(0)[0] + ' shell'), ours, shell, 5, aim, settle=False)
    ours = db.run(db.atlas(BUILD, db.port, 'near'), FILES)
    compare('%s, near' % db.name, ('atlas', 'dbmate ' + DBMATE_VERSION), ours, db.run(db.dbmate(db.port, 'near'), FILES), 3, 1.1, settle=False)
    if shutil.which('sqitch'):
        compare('%s, near' % db.name, ('atlas', 'sqitch'), ours, db.run(db.sqitch(db.port, 'near'), FILES), 1, 1.1, 0, settle=False)


def bench_far(db, aim):
    ours = db.run(db.atlas(BUILD, db.far, 'far'), FAR_FILES)
    for name, theirs in ((db.shell(0)[0] + ' shell', db.run(db.shell(db.far), FAR_FILES, 'far.%s.sql' % db.name)),
                         ('dbmate', db.run(db.dbmate(db.far, 'far'), FAR_FILES))):
        compare('%s, %d ms away' % (db.name, FAR_MS), ('atlas', name), ours, theirs, 1, 1 / aim, 0, settle=False)


def bench_status(db):
    db.fresh()
    timed([db.atlas(BUILD, db.port, 'many')])
    status = [BUILD + '/atlas', 'migrate', 'status', '--dir', 'file://many', '--url', db.url(db.port)]
    times, peaks = zip(*[measured(status) for _ in range(5)])
    rows.append(('%s, status of %d files' % (db.name, REVISIONS), 'atlas', '%.1f ms' % median(times), 'aim', '300 ms',
                 '%.2f' % (median(times) / 300), '%.0f-%.0f MiB' % (min(peaks), max(peaks)), '5',
                 '<= 1.00 %s' % ('met' if median(times) <= 300 else 'MISSED')))


def bench_tenants(db):
    names = ['tenant%d' % i for i in range(PG_TENANTS)]
    write_env('tenants.hcl', names, db.url(db.port, '${each.value}'), 'small')
    def tenants(concurrent, config, reset):
        def run(i):
            reset()
            return timed([[BUILD + '/atlas', 'migrate', 'apply', '--env', 'all', '--config', 'file://' + config,
                           '--concurrent', str(concurrent), '--format', '{{ .Target }}']])
        return run
    def reset_pg():
        for n in names:
            db.fresh(n)
    compare('%d tenants, %s' % (PG_TENANTS, db.name), ('8 at a time', 'one after the other'),
            tenants(8, 'tenants.hcl', reset_pg), tenants(1, 'tenants.hcl', reset_pg), 3, settle=False)
    write_env('sqlite.hcl', ['s%d' % i for i in range(SQLITE_TENANTS)], 'sqlite://tenants/${each.value}.db', 'small')
    def reset_sqlite():
        shutil.rmtree('tenants', ignore_errors=True)
        os.mkdir('tenants')
    compare('%d tenants, sqlite' % SQLITE_TENANTS, ('8 at a time', 'one after the other'),
            tenants(8, 'sqlite.hcl', reset_sqlite), tenants(1, 'sqlite.hcl', reset_sqlite), 3)


def write_env(name, tenants, url, directory):
    open(name, 'w').write('env "all" {\n  for_each = toset([%s])\n  url = "%s"\n  migration {\n    dir = "file://%s"\n  }\n}\n'
                          % (', '.join('"%s"' % t for t in tenants), url, directory))


def write_many():
    os.mkdir('many')
    for i in range(1, REVISIONS + 1):
        open('many/%d_f.sql' % (20260101000000 + i), 'w').write('SELECT %d;\n' % i)
    timed([[BUILD + '/atlas', 'migrate', 'hash', '--dir', 'file://many']])


def bench():
    ENV.update({'SQITCH_FULLNAME': 'bench', 'SQITCH_EMAIL': 'bench@example.com'})
    os.chmod('.', 0o755) # the servers run as another user
    write_directory('near', FILES)
    write_directory('far', FAR_FILES)
    write_directory('small', 5)
    write_many()
    if not shutil.which('sqitch'):
        subprocess.run(['apt-get', 'install', '-y', '-qq', '--no-install-recommends', 'sqitch', 'libdbd-pg-perl',
                        'libdbd-mysql-perl', 'postgresql-client', 'mariadb-client'], stdout=subprocess.DEVNULL)
    with Database('postgres') as db:
        bench_near(db, 1.0)
        bench_far(db, 20)
        bench_status(db)
        bench_tenants(db)
    with Database('mariadb') as db:
        bench_near(db, 1.1)
        bench_far(db, 5)
        bench_status(db)
    notes.append('near: %d files of %d statements on servers of this machine (their data is not synced to disk). psql and '
                 'mariadb read one prepared file with the same statements, BEGIN and COMMIT and one revision row per file; atlas '
                 'also reads %d files, checks the sum, locks, hashes and reports.' % (FILES, STATEMENTS, FILES))
    notes.append('far: %d files through a proxy of %d ms round trip (a new connection costs one more); once, as waiting does not vary.' % (FAR_FILES, FAR_MS))
