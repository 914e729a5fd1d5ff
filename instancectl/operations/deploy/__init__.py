"""Deploy: observe, plan, apply; the same plan is printed, tested and applied."""

from instancectl.operations.deploy.deploy import Deployment, Surroundings

__all__ = ["Deployment", "Surroundings"]
