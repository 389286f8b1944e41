// Google's own npm client, as the other party of the tests: STORAGE_EMULATOR_HOST names the server.
//   bucket NAME | get BUCKET KEY | put BUCKET KEY FILE | list BUCKET PREFIX | stat BUCKET KEY
import { Storage } from '@google-cloud/storage';
import fs from 'fs';
const [, , what, bucket, key, file] = process.argv;
const apiEndpoint = process.env.STORAGE_EMULATOR_HOST;
delete process.env.STORAGE_EMULATOR_HOST; // the client would leave out /storage/v1, which not every server forgives
const b = new Storage({ projectId: 'demo-lab', apiEndpoint }).bucket(bucket);
const actions = {
  bucket: () => b.create(),
  get: async () => process.stdout.write((await b.file(key).download())[0]),
  put: async () => b.file(key).save(fs.readFileSync(file), { resumable: false, contentType: 'text/plain' }),
  list: async () => (await b.getFiles({ prefix: key }))[0].forEach((f) => console.log(f.name)),
  stat: async () => {
    const [m] = await b.file(key).getMetadata();
    console.log(JSON.stringify({ size: Number(m.size), contentType: m.contentType, cacheControl: m.cacheControl, md5Hash: m.md5Hash }));
  },
};
await actions[what]();
