"""The config reference in docs/ says what the models say."""

from pathlib import Path

from shardsim.runs.config import RunConfig
from shardsim.runs.config_docs import reference, sections

PAGE = Path(__file__).parents[2] / "docs" / "config.md"


def test_page_is_what_the_models_generate():
    assert PAGE.read_text(encoding="utf-8") == reference(), (
        "run: python -m shardsim.runs.config_docs > docs/config.md"
    )


def test_every_key_has_a_meaning():
    unsaid = [
        f"{name}.{key}"
        for name, model in sections(RunConfig)
        for key, field in model.model_fields.items()
        if not isinstance(field.annotation, type) or not hasattr(field.annotation, "model_fields")
        if not field.description
    ]
    assert unsaid == []
