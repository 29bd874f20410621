"""A form made of a pydantic model: its fields, what is wrong beside each, and what is kept."""

from enum import StrEnum
from typing import Literal

import pytest
from pydantic import BaseModel, Field, SecretStr, model_validator

from dashboard.forms import ModelForm


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Shape(BaseModel):
    name: str = Field(min_length=1, title="Its name", description="as others call it")
    most: int = Field(default=3, ge=1)
    share: float | None = None
    quiet: bool = False
    colour: Colour = Colour.RED
    sides: list[Literal["left", "right"]] = []
    token: SecretStr = SecretStr("kept")

    @model_validator(mode="after")
    def _sides_are_few(self) -> "Shape":
        if self.quiet and self.sides:
            raise ValueError("what is quiet has no sides")
        return self


def a_form(**typed: object) -> ModelForm[Shape]:
    form = ModelForm(Shape, Shape(name="one", token=SecretStr("hidden")))
    for name, value in typed.items():
        form.fields[name].value = value
    return form


def test_each_field_has_the_kind_of_its_annotation() -> None:
    kinds = {name: field.kind for name, field in a_form().fields.items()}

    assert kinds == {
        "name": "text",
        "most": "number",
        "share": "number",
        "quiet": "flag",
        "colour": "one",
        "sides": "many",
        "token": "secret",
    }


def test_title_description_and_options_are_the_models() -> None:
    fields = a_form().fields

    assert (fields["name"].label, fields["name"].hint) == ("Its name", "as others call it")
    assert (fields["colour"].options, fields["sides"].options) == (["red", "blue"], ["left", "right"])


def test_what_was_typed_is_read_into_the_model() -> None:
    read = a_form(most="7", share="0.5", colour="blue", sides=["left"]).read()

    assert read is not None
    assert (read.most, read.share, read.colour, read.sides) == (7, 0.5, Colour.BLUE, ["left"])


def test_what_may_be_left_empty_is_none() -> None:
    read = a_form(share=" ").read()

    assert read is not None
    assert read.share is None


def test_what_is_wrong_is_said_beside_its_field_alone_and_what_was_typed_stays() -> None:
    form = a_form(most="many", name="")

    assert form.read() is None
    assert {name: field.error for name, field in form.fields.items() if field.error} == {
        "most": "Must be a whole number",
        "name": "Must not be empty",
    }
    assert form.fields["most"].value == "many"


def test_an_error_goes_when_the_field_is_right() -> None:
    form = a_form(most="0")
    form.read()
    form.fields["most"].value = "1"

    assert form.read() is not None
    assert form.fields["most"].error == ""


def test_a_secret_is_not_shown_and_left_empty_not_given() -> None:
    form = a_form()
    read = form.read()

    assert form.fields["token"].value == ""
    assert read is not None
    assert "token" not in read.model_fields_set


def test_a_secret_that_was_typed_is_given_and_emptied_once_it_is_saved() -> None:
    form = a_form(token="new")
    read = form.read()
    form.saved()

    assert read is not None
    assert read.token.get_secret_value() == "new"
    assert form.fields["token"].value == ""


def test_what_is_wrong_with_the_whole_is_for_the_page_to_say() -> None:
    with pytest.raises(ValueError, match="what is quiet has no sides"):
        a_form(quiet=True, sides=["left"]).read()


def test_two_forms_on_a_page_keep_what_was_typed_apart() -> None:
    form = ModelForm(Shape, prefix="second.")

    assert form.fields["name"].field == "second.name"
