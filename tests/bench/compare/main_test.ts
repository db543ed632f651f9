import assert from "node:assert/strict";
import { formatReport, type Report } from "../../../bench/compare/report.ts";

async function bench(...args: string[]) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", "--quiet", "bench/compare/main.ts", ...args],
    cwd: new URL("../../../", import.meta.url),
  }).output();
  const decoder = new TextDecoder();
  return {
    code,
    stdout: decoder.decode(stdout),
    stderr: decoder.decode(stderr),
  };
}

Deno.test("bench --json prints one object whose ratios follow from its values", async () => {
  const { code, stdout, stderr } = await bench(
    "--json",
    "--only=lattice-multiply-weight",
  );
  assert.equal(code, 0, stderr);
  const report: Report = JSON.parse(stdout);
  assert.deepEqual(Object.keys(report), ["machine", "kernel", "results"]);
  assert.match(report.kernel, /^(wasm|bigint)$/);
  assert.deepEqual(report.results.map(({ name }) => name), [
    "lattice-multiply-weight-2048",
    "lattice-multiply-weight-slot-2048",
  ]);
  for (const { value, reference, ratio, spread } of report.results) {
    assert.ok(value > 0 && spread >= 0);
    // Null where node-seal cannot be loaded.
    assert.equal(ratio, reference && reference.value / value);
  }
});

Deno.test("bench refuses names that no row has, and lists those there are", async () => {
  const { code, stdout, stderr } = await bench("--only=nonsense");
  assert.equal(code, 2);
  assert.equal(stdout, "");
  assert.match(stderr, /No row starts with nonsense/);
  for (
    const name of [
      "modmul-n2-2048",
      "modmul-n2-512",
      "decrypt-2048",
      "encrypt-2048",
      "encrypt-pool-2048",
      "encrypt-2048-vs-paillier-bigint",
      "lenet-latency-2048",
      "lenet-latency-512",
      "lenet-throughput-2048",
      "lenet-bytes-2048",
      "scaling-shards",
      "growth-key-exponent",
      "cores-gateway-exponent",
      "gateways-exponent",
      "batch-exponent",
    ]
  ) assert.ok(stderr.includes(name), name);
});

Deno.test("bench --help lists its options", async () => {
  const { code, stdout } = await bench("--help");
  assert.equal(code, 0);
  assert.match(stdout, /--only <name>/);
});

Deno.test("the table shows an absent reference as a dash and says how to get it", () => {
  const text = formatReport({
    machine: {
      cpu: "cpu",
      cores: 2,
      memoryGiB: 4,
      os: "linux",
      runtime: "Deno 2",
      load: 0,
    },
    kernel: "wasm",
    results: [{
      name: "row",
      value: 0.00123456,
      unit: "s",
      reference: null,
      ratio: null,
      spread: 0.1,
      note: "reference absent: install it",
    }],
  });
  assert.match(text, /^row +0\.00123 s +±5% +-$/m);
  assert.match(text, /^row: reference absent: install it$/m);
});
