"""`neurokit train`: data, a spiking DeepONet, and a gradient estimator of one's choice."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from neurokit.cli.console import JsonOption, SeedOption, emit, progress, table
from neurokit.cli.deploy import CALIBRATION_SUFFIX


class Method(str, Enum):
    """How gradients are estimated."""

    RFG_LAYERWISE = "rfg-layerwise"
    RFG_GLOBAL = "rfg-global"
    BACKPROP = "backprop"


def train(
    out: Annotated[Path, typer.Argument(help="Where to write the trained model.")] = Path("model.pt"),
    method: Annotated[Method, typer.Option(help="Gradient estimator of the hidden layers.")] = Method.RFG_LAYERWISE,
    closed_form: Annotated[
        bool,
        typer.Option(
            "--closed-form/--plain", help="Solve the readout in closed form in every step (variable projection)."
        ),
    ] = True,
    directions: Annotated[int, typer.Option(help="Directions K of a randomised forward gradient.", min=1)] = 16,
    width: Annotated[int, typer.Option(help="Neurons in each hidden layer.", min=1)] = 32,
    depth: Annotated[int, typer.Option(help="Hidden layers in branch and trunk.", min=1)] = 1,
    features: Annotated[int, typer.Option(help="Features p that branch and trunk share.", min=1)] = 32,
    steps: Annotated[int, typer.Option(help="Time steps T of a window.", min=1)] = 32,
    length_scale: Annotated[float, typer.Option(help="Length scale of the random source term.", min=0.05)] = 1.0,
    iterations: Annotated[int | None, typer.Option(help="Iterations, if not the recipe's own.", min=1)] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Learning rate, if not the recipe's own.")] = None,
    weight_decay: Annotated[
        float | None, typer.Option(help="Shrinkage of weights per unit of learning rate, if not the recipe's own.")
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option(help="Functions in a batch, if not the recipe's own.", min=1)
    ] = None,
    seed: SeedOption = 0,
    json: JsonOption = None,
) -> None:
    """Train a spiking DeepONet on the 1D Poisson problem (-u'' = g, zero at both ends; 800 functions, 800 to test)."""
    from neurokit.gradients.backprop import Backprop
    from neurokit.gradients.closed_form import ClosedFormReadout
    from neurokit.gradients.estimator import Estimator
    from neurokit.gradients.forward import ForwardGradient
    from neurokit.gradients.scopes import Global, Layerwise
    from neurokit.networks.model_file import save_model
    from neurokit.problems.poisson import Poisson
    from neurokit.recipes import OperatorRecipe
    from neurokit.samples import write
    from neurokit.training import evaluate

    data = Poisson(length_scale=length_scale).generate(seed)
    inner: Estimator = {
        Method.RFG_LAYERWISE: ForwardGradient(Layerwise(), directions=directions),
        Method.RFG_GLOBAL: ForwardGradient(Global(), directions=directions),
        Method.BACKPROP: Backprop(),
    }[method]
    usual = OperatorRecipe()
    assert isinstance(usual.estimator, ClosedFormReadout)
    recipe = OperatorRecipe(
        hidden=(width,) * depth,
        features=features,
        steps=steps,
        estimator=ClosedFormReadout(inner, ridge=usual.estimator.ridge) if closed_form else inner,
        iterations=iterations or usual.iterations,
        learning_rate=usual.learning_rate if learning_rate is None else learning_rate,
        weight_decay=usual.weight_decay if weight_decay is None else weight_decay,
        batch_size=batch_size or usual.batch_size,
    )
    with progress() as bars:
        task = bars.add_task("train", total=recipe.iterations, note="")
        model, history = recipe.train(
            data.train, seed=seed, progress=lambda i, loss: bars.update(task, completed=i, note=f"loss {loss:.2e}")
        )
    error = evaluate(model, data.test)
    provenance = {"problem": repr(Poisson(length_scale=length_scale)), "seed": str(seed), "algorithm": recipe.algorithm}
    save_model(model, out, data.train.domain, provenance)
    samples = {"branch": data.train.branch, "trunk": data.train.locations}
    write(samples, out.with_suffix(CALIBRATION_SUFFIX))
    record = {
        "algorithm": recipe.algorithm,
        "seed": seed,
        "relative_l2": error.as_dict(),
        "seconds": history.seconds,
        "iterations": recipe.iterations,
        "model": str(out),
    }
    table(f"{out}: {recipe.algorithm}", ["", "value"], [
        ["relative L2 on test functions, mean", error.mean],
        ["relative L2 on test functions, global", error.overall],
        ["seconds", history.seconds],
    ])  # fmt: skip
    emit(record, json)
