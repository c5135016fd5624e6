"""Settings of the service: read once from arguments and ``VQSCOPE_…`` variables, then frozen."""

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import (
    Field,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    SecretStr,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from model.shipped import DEFAULT_MODEL


class Limits(BaseSettings):
    """What one client, or all together, may ask for; each is a variable, such as ``VQSCOPE_QUEUE_LENGTH``."""

    model_config = SettingsConfigDict(env_prefix="VQSCOPE_", frozen=True)

    queue_length: PositiveInt = Field(
        default=128, description="Images being read, waiting or in work at once; more: 429."
    )
    requests: PositiveInt = Field(
        default=512,
        description="Most requests in work or waiting at once, besides those for the model; more: 429.",
    )
    batch_size: PositiveInt = Field(default=64, description="Most images that the model is given at once.")
    body_bytes: PositiveInt = Field(
        default=32 * 1024**2, description="Most bytes of a request's body; more: 413."
    )
    body_bytes_in_flight: PositiveInt = Field(
        default=256 * 1024**2, description="Most bytes of the bodies of all requests in work; more: 429."
    )
    pixels: PositiveInt = Field(
        default=16 * 1024**2, description="Most pixels of an uploaded image; more: 422."
    )
    images_per_request: PositiveInt = Field(default=64, description="Most images of one upload; more: 413.")
    request_seconds: PositiveFloat = Field(
        default=30.0,
        description="Longest wait for a request's head, for its body (then 408), then for decoding and the model "
        "together, or for a turn and again for what is computed without the model (503), then for a client to take "
        "256 KiB of its answer (its connection is cut).",
    )
    decoders: PositiveInt = Field(
        default=2, description="Processes that decode uploaded images, each with an image at a time."
    )
    decode_seconds: PositiveFloat = Field(
        default=5.0,
        description="Longest time over one uploaded image, three times that over all of a request; more: 422.",
    )
    picture_cache_bytes: PositiveInt = Field(
        default=32 * 1024**2, description="Most bytes of ready PNGs kept in memory."
    )

    @model_validator(mode="after")
    def _one_request_fits(self) -> "Limits":
        if self.images_per_request > self.queue_length:
            raise ValueError(
                f"images_per_request ({self.images_per_request}) exceeds queue_length ({self.queue_length})"
            )
        if self.body_bytes > self.body_bytes_in_flight:
            raise ValueError(
                f"body_bytes ({self.body_bytes}) exceeds body_bytes_in_flight ({self.body_bytes_in_flight})"
            )
        return self


class Settings(BaseSettings):
    """What is served, and where."""

    model_config = SettingsConfigDict(
        env_prefix="VQSCOPE_",
        frozen=True,
        populate_by_name=True,
        hide_input_in_errors=True,  # which may be a key
    )

    model: str | None = Field(
        default=None,
        description=f"Run folder, or the name of a shipped model; default: the shipped {DEFAULT_MODEL}.",
    )
    index: Path = Field(description="Folder of the latent index.")
    data_dir: Path | None = Field(
        default=None,
        validation_alias="VQSCOPE_DATA",
        description="Folder of the npz files; default: MedMNIST's own.",
    )
    host: str = Field(default="127.0.0.1", description="Address to listen on; only this machine by default.")
    allowed_hosts: Annotated[frozenset[str], NoDecode] = Field(
        default=frozenset(),
        description="Names to answer to, with commas between (Host header; *: any); "
        "default: on loopback this machine's own, else any, but without keys there none: they must be set.",
    )
    api_keys: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        default=(),
        description="Keys, with commas between, of which clients must send one; "
        "needed where other machines reach the service.",
    )
    api_keys_file: Path | None = Field(default=None, description="File of further such keys, one a line.")
    allow_no_key: bool = Field(
        default=False, description="Serve without a key where other machines reach the service."
    )
    cors_origins: Annotated[frozenset[str], NoDecode] = Field(
        default=frozenset(),
        description="Origins whose pages may read the answers, such as https://viewer.hospital.example, "
        "with commas between; default: none.",
    )
    log_format: Literal["text", "json"] = Field(
        default="text",
        description="text: warnings and errors; json: one object a line, and a line for each request.",
    )
    drain_seconds: NonNegativeFloat = Field(
        default=0.0,
        description="After SIGTERM, still accept requests for so long while /health/ready answers 503, so that a "
        "load balancer looks away first.",
    )
    grace_seconds: PositiveFloat = Field(
        default=5.0, description="Then let requests in work end for at most so long."
    )
    port: int = Field(default=8000, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    runs: Path | None = Field(
        default=None, description="Folder of training runs to show; default: runs, where there is one."
    )
    map_jobs: Literal["on", "off"] | None = Field(
        default=None,
        description="Whether clients may have maps fitted, minutes of a core each; default: on loopback on, else off.",
    )
    idle_seconds: PositiveFloat = Field(
        default=10.0,  # a page that is opened works for seconds before it asks for anything
        description="After so long without a request the pictures of the codebook are made, so that they are there "
        "when asked for; inf: only when asked for.",
    )
    limits: Limits = Field(default_factory=Limits)

    @field_validator("allowed_hosts", "api_keys", "cors_origins", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return (
            [name.strip() for name in value.split(",") if name.strip()] if isinstance(value, str) else value
        )

    @field_validator("cors_origins")
    @classmethod
    def _are_origins(cls, origins: frozenset[str]) -> frozenset[str]:
        for origin in origins:
            parts = urlsplit(origin)
            if parts.scheme not in ("http", "https") or origin != f"{parts.scheme}://{parts.netloc}".lower():
                raise ValueError(
                    "give origins as browsers send them, such as https://viewer.hospital.example"
                )
        return origins
