"""The ground floor: plain data and the two faces; knows no store and no settings."""
