"""The endpoint: HTTP in, answers out. Thin over ``steer`` and ``ice``; never asks Kubernetes."""
