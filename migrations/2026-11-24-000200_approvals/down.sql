DROP TABLE contract_terms;
DROP TABLE approvals;
