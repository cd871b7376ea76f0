"""Parses a folder of traces with HolisticTraceAnalysis and prints what its analyses say.

usage: python holistic.py FOLDER
"""
import json
import logging
import sys
import warnings

said = []


class Listen(logging.Handler):
    def emit(self, record):
        text = record.getMessage()
        if record.levelno >= logging.WARNING and not text.startswith("leaving ") and text not in said:  # it warns of how long it took
            said.append(text)


def rows(frame):
    return 0 if frame is None else len(frame)


def main(folder):
    from hta.trace_analysis import TraceAnalysis

    warnings.simplefilter("ignore")  # those of the libraries below it about each other
    logging.getLogger().addHandler(Listen())
    logging.getLogger("hta").addHandler(Listen())

    analysis = TraceAnalysis(trace_dir=folder)
    trace = analysis.t
    out = {"ranks": sorted(trace.get_all_traces()), "steps": [int(s) for s in analysis.get_profiler_steps()], "events": {}}
    symbols = trace.symbol_table.get_sym_table()
    gpu = False
    for rank, frame in trace.get_all_traces().items():
        cats = frame["cat"].map(lambda i: symbols[i]).value_counts().to_dict()
        out["events"][rank] = cats
        out.setdefault("negative", 0)
        out["negative"] += int((frame["dur"] < 0).sum())
        out.setdefault("linked", {})[rank] = int((frame["index_correlation"] > 0).sum())
        gpu = gpu or "kernel" in cats
    if gpu:
        kinds, kernels = analysis.get_gpu_kernel_breakdown(visualize=False)
        temporal = analysis.get_temporal_breakdown(visualize=False)
        launches = analysis.get_cuda_kernel_launch_stats(visualize=False)
        idle = analysis.get_idle_time_breakdown(visualize=False)
        out["gpu"] = {
            "kernel_kinds": kinds["kernel_type"].tolist(),
            "kernels": rows(kernels),
            "busy_us": temporal["compute_time(us)"].tolist(),
            "idle_us": temporal["idle_time(us)"].tolist(),
            "launches": {r: rows(f) for r, f in launches.items()},
            "idle_rows": rows(idle[0] if isinstance(idle, tuple) else idle),
            "queue_rows": rows(analysis.get_queue_length_summary()),
            "bandwidth_rows": rows(analysis.get_memory_bw_summary()),
        }
    out["problems"] = said
    print(json.dumps(out, indent=1, default=str))
    return 1 if said else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
