"""Batch normalisation worked into the convolution before it, for a network that is not trained any more."""

import itertools

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


def fold(network: nn.Module) -> None:
    """Give each convolution in ``network``, which computes in evaluation mode, the normalisation that follows it.

    One pass over the feature maps less for each; the numbers differ by rounding alone. In the order in which
    modules were registered, which is the order of computation in the parts that this model is built from
    (`nn.Sequential`, torchvision's residual blocks).

    Raises:
        ValueError: the network is in training mode, whose normalisation depends on the batch.
    """
    if network.training:
        raise ValueError("only a network in evaluation mode can be folded")
    for parent in network.modules():
        children = list(parent.named_children())
        for (first, convolution), (second, norm) in itertools.pairwise(children):
            if isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                setattr(parent, first, fuse_conv_bn_eval(convolution, norm))
                setattr(parent, second, nn.Identity())
