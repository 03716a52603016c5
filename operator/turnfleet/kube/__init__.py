"""The Kubernetes API: requests, watches, what they mean when they fail. Decides nothing.

Objects are the API's own JSON here and nowhere above it: who asks parses what it needs.

What the operator asks for, and nothing else (server-side apply needs ``create`` and ``patch``):

====================================  ===================================  =====================
kind                                  verbs                                where
====================================  ===================================  =====================
turnregions                           get list watch                       relays' namespaces
turnregions                           create patch delete                  there, for ``--regions``
turnregions/status                    patch                                there
turnregions/finalizers                update                               there, see below
pods                                  list watch patch delete              there
replicasets daemonsets                list watch create patch delete       there
configmaps secrets serviceaccounts    list watch create patch              there
poddisruptionbudgets                  list watch create patch              there
events (events.k8s.io)                create                               there
nodes                                 list watch                           the cluster
leases                                create; get update of its own        the operator's own
secrets                               list watch patch of the signing one  the endpoint's
====================================  ===================================  =====================

``turnregions/finalizers`` is asked for by OwnerReferencesPermissionEnforcement, since owner
references here block deletion. Listing and watching single Secrets by name is by field selector,
which a ``resourceNames`` rule allows.
"""
