"""What more than one function needs: errors, logging, AWS clients, descriptors, documents, names. Imports no
function.
"""
