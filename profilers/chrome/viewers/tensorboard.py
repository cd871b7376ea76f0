"""Opens a folder of traces as TensorBoard's PyTorch profiler plugin does and prints what its views hold.

usage: python tensorboard.py FOLDER
"""
import json
import logging
import sys

said = []


class Listen(logging.Handler):
    def emit(self, record):
        if record.levelno >= logging.WARNING:
            said.append(record.getMessage())


def main(folder):
    from torch_tb_profiler import consts, io, utils
    from torch_tb_profiler.profiler.data import RunProfileData
    from torch_tb_profiler.profiler.run_generator import RunGenerator

    utils.get_logger().addHandler(Listen())
    out = {"workers": {}, "problems": said}
    with io.Cache() as cache:
        for name in sorted(io.listdir(folder)):
            match = consts.WORKER_PATTERN.match(name)
            if not match:
                continue
            # What its loader does in a process of its own for each file.
            data = RunProfileData.parse(match.group(1), match.group(2), io.join(folder, name), cache.cache_dir)
            run = RunGenerator(match.group(1), match.group(2), data).generate_run_profile()
            out["workers"][match.group(1)] = {
                "views": [v.display_name for v in run.views],
                "steps": len(data.steps_names),
                "operators": sorted({o.name for o in data.op_list_groupby_name}),
                "kernels": 0 if data.kernel_stat is None else len(data.kernel_stat),
                "memory_events": run.memory_snapshot is not None,
            }
    print(json.dumps(out, indent=1))
    return 1 if said or not out["workers"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
