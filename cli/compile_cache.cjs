/**
 * Keeps what V8 compiled of two Node programs, between their runs: the CDK command line, and its library, which jsii
 * links into a temporary folder of each process. `node --require` it, with the folder for it in the environment
 * variable SLIPWAY_COMPILE_CACHE; without that variable, and in other programs, it does nothing.
 *
 * Node's own cache (module.enableCompileCache) goes by the paths of files, which are others in each temporary folder,
 * and leaves out most of what is compiled when it is first called: of the command line it saves a third of this.
 */
'use strict';

const fs = require('node:fs');
const Module = require('node:module');
const os = require('node:os');
const path = require('node:path');
const v8 = require('node:v8');
const vm = require('node:vm');
const { isMainThread } = require('node:worker_threads');
const { crc32 } = require('node:zlib');

const [BEFORE, AFTER] = Module.wrap('\0').split('\0');

/** What was compiled of scripts, by name, in one file: the length of an index, the index (JSON), the data. */
class Store {
  #kept = new Map();
  #compiled = new Map();

  constructor(file) {
    this.file = file;
    try {
      this.#read(fs.readFileSync(file));
    } catch {
      this.#kept.clear(); // not there, or cut short: it is written anew
    }
  }

  /** The function around a module. V8 itself checks of kept data only that the source is as long as it was. */
  compile(name, source, filename) {
    const checksum = crc32(source);
    const kept = this.#kept.get(name);
    const script = new vm.Script(BEFORE + source.replace(/^#!.*/, '') + AFTER, {
      filename,
      columnOffset: -BEFORE.length,
      cachedData: kept?.checksum === checksum ? kept.data : undefined,
      importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
    });
    if (script.cachedDataRejected !== false) this.#compiled.set(name, { checksum, script });
    return script.runInThisContext();
  }

  /** To be called at the end, when the functions that ran are compiled too. */
  write() {
    if (this.#compiled.size === 0) return;
    for (const [name, { checksum, script }] of this.#compiled) {
      this.#kept.set(name, { checksum, data: script.createCachedData() });
    }
    const entries = [...this.#kept].map(([name, { checksum, data }]) => [name, checksum, data.length]);
    const index = Buffer.from(JSON.stringify(entries));
    const length = Buffer.alloc(4);
    length.writeUInt32LE(index.length);
    const bytes = Buffer.concat([length, index, ...[...this.#kept.values()].map(({ data }) => data)]);
    const temporary = `${this.file}.${process.pid}`;
    try {
      fs.mkdirSync(path.dirname(this.file), { recursive: true, mode: 0o700 });
      fs.writeFileSync(temporary, bytes, { mode: 0o600 });
      fs.renameSync(temporary, this.file);
    } catch {
      if (fs.existsSync(temporary)) fs.rmSync(temporary); // a full or read-only disk costs time, and nothing else
    }
  }

  #read(bytes) {
    let offset = 4 + bytes.readUInt32LE(0);
    for (const [name, checksum, length] of JSON.parse(bytes.subarray(4, offset).toString())) {
      this.#kept.set(name, { checksum, data: bytes.subarray(offset, (offset += length)) });
    }
  }
}

/** The `require` that a module is given. */
function requireOf(module) {
  const require = (id) => module.require(id);
  require.resolve = (request, options) => Module._resolveFilename(request, module, false, options);
  require.resolve.paths = (request) => Module._resolveLookupPaths(request, module);
  return Object.assign(require, { main: process.mainModule, extensions: Module._extensions, cache: Module._cache });
}

/** Scripts in temporary folders go by their paths in there, others by their full ones. */
function keepScripts(folder, program, temporary) {
  const store = new Store(path.join(folder, `${program}-${process.version}-${v8.cachedDataVersionTag()}`));
  const compile = Module.prototype._compile;
  Module.prototype._compile = function (source, filename, format) {
    if (format && format !== 'commonjs') return compile.apply(this, arguments);
    const below = filename.startsWith(temporary) ? filename.indexOf(path.sep, temporary.length) + 1 : 0;
    const body = store.compile(filename.slice(below), source, filename);
    return body.call(this.exports, this.exports, requireOf(this), this, filename, path.dirname(filename));
  };
  process.on('exit', () => store.write());
}

/** What a path leads to; undefined where nothing is there, as where Node completes the name or runs standard input. */
function resolved(file) {
  try {
    return fs.realpathSync(file);
  } catch {
    return undefined;
  }
}

const folder = process.env.SLIPWAY_COMPILE_CACHE;
const main = folder && isMainThread && process.argv[1] && resolved(process.argv[1]);
if (main) {
  const temporary = (resolved(os.tmpdir()) ?? os.tmpdir()) + path.sep;
  const program = path.basename(main);
  if (main.startsWith(temporary)) keepScripts(folder, program, temporary);
  // A file for each installation: one of them should not read what the others compiled.
  else if (program === 'cdk') keepScripts(folder, `${program}-${crc32(main).toString(16)}`, temporary);
}
