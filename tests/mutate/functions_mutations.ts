/**
 * Mutations of what keeps the functions up, and their counts true, whoever calls.
 *
 * @module
 */
import type { Mutation } from "./mutations.ts";

const functions = "tests/functions";
const turns = [`${functions}/admission/turns_test.ts`];
const gate = [`${functions}/admission/gate_test.ts`];
const overload = [`${functions}/admission/overload_test.ts`];
const paced = [`${functions}/rounds/privacy/paced_test.ts`];
const banks = [`${functions}/rounds/privacy/bank_cache_test.ts`];
const primitives = [`${functions}/rounds/privacy/privacy_test.ts`];
const prepared = [`${functions}/rounds/prepared_model_test.ts`];
const budgets = [`${functions}/admission/budget_test.ts`];
const heartbeat = [`${functions}/stores/heartbeat_test.ts`];
const spent = [`${functions}/stores/spent_tokens_test.ts`];
const listener = [`${functions}/hosts/guarded_listener_test.ts`];
const accessFile = [`${functions}/access/access_file_test.ts`];
const replay = [`${functions}/rounds/replay_test.ts`];
const threads = [`${functions}/threads/threads_test.ts`];
const access = [`${functions}/access/access_test.ts`];
const settings = [`${functions}/settings/environment_test.ts`];

export const functionsMutations: Mutation[] = [
  // Whose turn it is.
  {
    name: "a heavy round in many parts is light",
    file: "functions/admission/turns.ts",
    find: "isLight: work.predictedMs <= lightMs",
    replace: "isLight: predictedMs <= lightMs",
    tests: turns,
  },
  {
    name: "callers served in order of coming",
    file: "functions/admission/turns.ts",
    find: ": a.caller.servedMs < b.caller.servedMs;",
    replace: ": false;",
    tests: turns,
  },
  {
    name: "a caller's heavy calls wait for all its light ones",
    file: "functions/admission/turns.ts",
    find: "rank: caller.servedMs + predictedMs",
    replace: "rank: predictedMs",
    tests: turns,
  },
  {
    name: "no turns for light calls",
    file: "functions/admission/turns.ts",
    find: '    this.#give("light");\n',
    replace: "",
    tests: turns,
  },
  {
    name: "heavy calls in the turns of light ones",
    file: "functions/admission/turns.ts",
    find: 'kind === "light" && !waiting.isLight',
    replace: "waiting.predictedMs < 0",
    tests: turns,
  },
  {
    name: "sessions that start in the turns of light rounds",
    file: "functions/http/sessions.ts",
    find: "{ predictedMs: 200, shards: 1 }",
    replace: "{ predictedMs: 50, shards: 1 }",
    tests: overload,
  },
  {
    name: "keys checked at one go",
    file: "functions/http/sessions.ts",
    find: "await runPaced(keyProofCheck(modulus, request.proof, options));",
    replace: "for (const _ of keyProofCheck(modulus, request.proof, options));",
    tests: [`${functions}/http/sessions_test.ts`],
  },
  {
    name: "one computation to its end before the next",
    file: "functions/rounds/privacy/paced.ts",
    find: "b.task.usedMs < a.task.usedMs ? b : a",
    replace: "a",
    tests: paced,
  },
  {
    name: "long computations starved by short ones",
    file: "functions/rounds/privacy/paced.ts",
    find: ">= longestWaitMs",
    replace: ">= 1e9",
    tests: paced,
  },
  {
    name: "computations of clients that have gone go on",
    file: "functions/rounds/privacy/paced.ts",
    find: "        signal?.throwIfAborted();\n",
    replace: "",
    tests: paced,
  },
  {
    name: "threads chosen without regard to what they do",
    file: "functions/threads/threads.ts",
    find: "aheadMs(other, callMs) < aheadMs(min, callMs) ? other : min",
    replace: "min",
    tests: threads,
  },
  {
    name: "threads that end are started without a pause",
    file: "functions/threads/threads.ts",
    find: "if (failures === 0) again();",
    replace: "if (failures >= 0) again();",
    tests: threads,
  },
  // Who is let in.
  {
    name: "any number of calls of one caller",
    file: "functions/admission/gate.ts",
    find: "if (known.calls >= limits.perCaller) {",
    replace: "if (known.calls < 0) {",
    tests: gate,
  },
  {
    name: "one caller takes all memory for bodies",
    file: "functions/admission/gate.ts",
    find: "callerBytes > heldBytes && callerBytes + bytes",
    replace: "callerBytes < 0 && callerBytes + bytes",
    tests: gate,
  },
  {
    name: "sessions take all places",
    file: "functions/admission/gate.ts",
    find: "const sessionShare = 0.5;",
    replace: "const sessionShare = 1;",
    tests: gate,
  },
  {
    name: "calls come in while the functions stop",
    file: "functions/admission/gate.ts",
    find: "if (this.#draining) throw stopping();",
    replace: "",
    tests: gate,
  },
  {
    name: "a place is taken before the body is there",
    file: "functions/admission/gate.ts",
    find: "    let place: Place | undefined;\n",
    replace: "    let place: Place | undefined = this.#place(known);\n",
    tests: overload,
  },
  {
    name: "chunks of a byte are taken",
    file: "functions/admission/body.ts",
    find: "if (chunks > freeChunks + bytes / meanChunkBytes)",
    replace: "if (chunks < 0)",
    tests: overload,
  },
  {
    name: "bodies as slow as one likes",
    file: "functions/admission/body.ts",
    find: "if (length - lengthBefore < bodyPatienceMs) {",
    replace: "if (length < 0) {",
    tests: overload,
  },
  {
    name: "compressed bodies are read",
    file: "functions/admission/body.ts",
    find: 'if (encoding.toLowerCase() !== "identity") {',
    replace: 'if (encoding === "") {',
    tests: overload,
  },
  {
    name: "pages of all origins may call",
    file: "functions/app.ts",
    find: "const { origins = [] } = options;",
    replace: 'const { origins = ["*"] } = options;',
    tests: access,
  },
  // First contact and plans.
  {
    name: "a bank for each stranger",
    file: "functions/rounds/privacy/bank_cache.ts",
    find: "if (first.answers <= answersBeforeBank) return first.randomiser;",
    replace: "",
    tests: banks,
  },
  {
    name: "banks beyond their memory",
    file: "functions/rounds/privacy/bank_cache.ts",
    find: "if (this.bytes <= this.#maxBytes) return;",
    replace: "if (this.bytes > 0) return;",
    tests: banks,
  },
  {
    name: "banks built side by side",
    file: "functions/rounds/privacy/bank_cache.ts",
    find: "if (this.#building) return;",
    replace: "",
    tests: banks,
  },
  {
    name: "other randomisers without a bank",
    file: "functions/rounds/privacy/direct_randomiser.ts",
    find: "const tooth = piece * bases + group * groupBits;",
    replace: "const tooth = group * groupBits;",
    tests: primitives,
  },
  {
    name: "plans made at one go",
    file: "functions/rounds/prepared_model.ts",
    find:
      "return await runPaced(limited(work, task, manifest.name), { task });",
    replace:
      "let step = work.next(); while (!step.done) step = work.next(); return step.value;",
    tests: prepared,
  },
  {
    name: "comparisons counted that nobody made",
    file: "functions/rounds/answer_round.ts",
    find: "  if (!known) {\n",
    replace: "  if (known === null) {\n",
    tests: replay,
  },
  // Counts and databases.
  {
    name: "budgets forgotten at a window's end",
    file: "functions/admission/budget.ts",
    find: "endsAt + keepMs);",
    replace: "endsAt);",
    tests: budgets,
  },
  {
    name: "spent tokens forgotten at their expiry",
    file: "functions/stores/spent_tokens.ts",
    find: "expiresAt + rememberSharedMs);",
    replace: "expiresAt);",
    tests: spent,
  },
  {
    name: "spent tokens of a process forgotten at their expiry",
    file: "functions/stores/spent_tokens.ts",
    find: "if (expiresAt + rememberMs < now)",
    replace: "if (expiresAt < now)",
    tests: spent,
  },
  {
    name: "clocks apart are ready",
    file: "functions/stores/heartbeat.ts",
    find: "agree &&= value > since - toleranceMs && value < now + toleranceMs;",
    replace: "agree &&= value > 0;",
    tests: heartbeat,
  },
  {
    name: "a damaged database stays open",
    file: "functions/stores/heartbeat.ts",
    find: "        this.#kv.close();\n",
    replace: "",
    tests: heartbeat,
  },
  {
    name: "a database that cannot be opened is done without",
    file: "functions/settings/environment.ts",
    find: "if (isNeeded || path !== undefined) {",
    replace: "if (isNeeded) {",
    tests: settings,
  },
  {
    name: "misspelt settings are passed over",
    file: "functions/settings/settings.ts",
    find: "if (known.includes(name)) continue;",
    replace: "if (name) continue;",
    tests: settings,
  },
  // The process.
  {
    name: "idle connections are kept",
    file: "functions/hosts/carried_connection.ts",
    find: "now - this.#freeSinceMs >= idleMs",
    replace: "now < 0",
    tests: listener,
  },
  {
    name: "connections with a call count as idle",
    file: "functions/hosts/carried_connection.ts",
    find: "return this.#calls === 0 && now",
    replace: "return now",
    tests: listener,
  },
  {
    name: "the server behind the listener answers everybody",
    file: "functions/hosts/guarded_listener.ts",
    find: "if (!connection) return new Response(null, { status: 403 });",
    replace: "if (!connection) return handler(request, host);",
    tests: listener,
  },
  {
    name: "an access file that is being written counts",
    file: "functions/access/access_file.ts",
    find: " && ageMs >= settleMs",
    replace: "",
    tests: accessFile,
  },
];
