"""The operator at run time: what happens in a cluster marks regions, and regions are reconciled.

Rule of the package: handlers mark, one reconcile acts. A handler never looks at what changed to
find out what to do; it says which regions are to be looked at again. Whatever is lost between the
two, a mark, a watch, the process, is made up for by looking at the whole region again.

    kopf (TurnRegions, Nodes)  --+
    kube.watching (the rest)   --+--> queue --> reconciling: observe, plan, execute, status
    requeue, back-off, roll call +
"""
