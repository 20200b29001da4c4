"""The models of the bookshop as they were at each revision that changed them."""
