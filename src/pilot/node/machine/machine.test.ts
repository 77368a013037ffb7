import fc from "fast-check";
import { expect, test } from "vitest";
import { formatCoreList, ownCores, parseCoreList } from "./cores.ts";
import { findGpus, withoutEchoes } from "./gpus.ts";

test("core lists read and write in the kernel's notation", () => {
  expect(parseCoreList("0-3,8,10-11")).toEqual([0, 1, 2, 3, 8, 10, 11]);
  expect(formatCoreList([11, 0, 2, 1, 10, 2])).toBe("0-2,10-11");
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(300), { minLength: 1 }), (cores) => {
      expect(parseCoreList(formatCoreList(cores))).toEqual(cores.toSorted((a, b) => a - b));
    }),
  );
});

test("the agent finds at least one core of its own", () => {
  expect(ownCores().length).toBeGreaterThan(0);
});

const devices = (files: Record<string, string[]>) => (directory: string) => files[directory] ?? [];

test("GPUs are those a scheduler left visible", () => {
  const list = devices({ "/dev": ["nvidia0", "nvidia1", "kfd"], "/dev/dri": ["renderD128"] });
  const environment = { CUDA_VISIBLE_DEVICES: "GPU-8f1, 3", ROCR_VISIBLE_DEVICES: "", ZE_AFFINITY_MASK: "0.0,0.1" };
  expect(findGpus({ environment, list })).toEqual([
    { kind: "cuda", id: "GPU-8f1" },
    { kind: "cuda", id: "3" },
    { kind: "ze", id: "0.0" },
    { kind: "ze", id: "0.1" },
  ]);
  expect(findGpus({ environment: { CUDA_VISIBLE_DEVICES: "NoDevFiles", ROCR_VISIBLE_DEVICES: "-1" }, list })).toEqual(
    [],
  );
});

test("masks that a scheduler sets alike for every vendor name the same GPUs once", () => {
  const environment = {
    ...{ CUDA_VISIBLE_DEVICES: "0,1", ROCR_VISIBLE_DEVICES: "0,1", ZE_AFFINITY_MASK: "0,1" },
    ...{ GPU_DEVICE_ORDINAL: "0,1", HOME: "/home/ann" },
  };
  const amd = findGpus({ environment, list: devices({ "/dev": ["kfd"], "/dev/dri": ["renderD128", "renderD129"] }) });
  expect(amd).toEqual(["0", "1"].map((id) => ({ kind: "rocr", id })));
  expect(withoutEchoes(environment, amd)).toEqual({ ROCR_VISIBLE_DEVICES: "0,1", HOME: "/home/ann" });
  const fake = findGpus({ environment, list: devices({}) });
  expect(fake).toEqual(["0", "1"].map((id) => ({ kind: "cuda", id })));
  expect(withoutEchoes(environment, fake)).toEqual({ CUDA_VISIBLE_DEVICES: "0,1", HOME: "/home/ann" });
});

test("without such an environment GPUs are the device files there are", () => {
  const nvidia = devices({
    "/dev": ["nvidia0", "nvidia1", "nvidiactl", "nvidia-uvm"],
    "/dev/dri": ["renderD128", "renderD129"],
  });
  expect(findGpus({ environment: {}, list: nvidia })).toEqual([
    { kind: "cuda", id: "0" },
    { kind: "cuda", id: "1" },
  ]);
  const amd = devices({ "/dev": ["kfd", "null"], "/dev/dri": ["card0", "renderD128", "renderD129"] });
  expect(findGpus({ environment: {}, list: amd })).toEqual([
    { kind: "rocr", id: "0" },
    { kind: "rocr", id: "1" },
  ]);
  expect(findGpus({ environment: {}, list: devices({}) })).toEqual([]);
});
