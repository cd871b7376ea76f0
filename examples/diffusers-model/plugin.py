"""A Strobe model plugin that runs a diffusers pipeline out of a folder. See README.md."""

from __future__ import annotations

import importlib.util
import os
from dataclasses import dataclass

from strobe_plugin import Context, Description, Finding, Session, Setup, option, serve_model

NEEDED = ("torch", "diffusers", "transformers")


@dataclass
class Config:
    """The stage's config block in plugins.hcl."""

    model_path: str = option(required=True, doc="folder of a diffusers pipeline, the one with model_index.json")
    device: str = option("auto", enum=("auto", "cpu", "cuda"), doc="where it runs; auto: cuda where there is one")
    dtype: str = option("auto", enum=("auto", "float32", "float16", "bfloat16"), doc="type of the weights; auto: float16 on cuda, else float32")
    steps: int = option(30, min=1, max=1000, doc="denoise steps when a request names none")
    guidance: float = option(7.5, min=0, max=100, doc="guidance scale when a request names none")
    max_size: int = option(1024, min=8, max=8192, doc="the longest side of an image, in pixels")
    profile_operators: bool = option(True, doc="torch's operators in profiles; they cost the most")

    def validate(self) -> list[Finding]:
        """What is wrong with the values together with this machine."""
        if os.path.isfile(os.path.join(self.model_path, "model_index.json")):
            return []
        return [Finding(
            f'no model_index.json in "{self.model_path}"',
            "model_path is a folder that save_pretrained of a diffusers pipeline wrote, absolute or relative to where the server runs",
            ("model_path",),
        )]


class DiffusersModel:
    """Torch is imported in load, so that everything before it is quick and says in a sentence what is missing."""

    def describe(self) -> Description:
        return Description("diffusers", "0.1.0", "runs a diffusers pipeline out of a folder", Config)

    def probe(self, ctx: Context, config: Config) -> list[Finding]:
        missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
        if missing:
            return [Finding(f"Python has no {', '.join(missing)}", "install them beside the plugin: pip install -r requirements.txt")]
        return []

    def load(self, ctx: Context, setup: Setup) -> Session:
        missing = self.probe(ctx, setup.config)
        if missing:
            raise RuntimeError(f"{missing[0].summary}: {missing[0].detail}")
        from session import load_session

        return load_session(setup.config, setup.recorder)


if __name__ == "__main__":
    serve_model(DiffusersModel())
